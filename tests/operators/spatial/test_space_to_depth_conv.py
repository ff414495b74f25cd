"""Space to depth loses nothing, and with its convolution is one strided convolution."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import circulant.engine.space_to_depth as engine
from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.spatial.space_to_depth_conv import (
    SpaceToDepthConv1d,
    SpaceToDepthConv2d,
    SpaceToDepthConv3d,
    depth_to_space,
    space_to_depth,
)

OPERATORS = {1: SpaceToDepthConv1d, 2: SpaceToDepthConv2d, 3: SpaceToDepthConv3d}


def test_sub_images_follow_each_other_as_published():
    x = torch.randn(2, 3, 6, 8)
    parts = [x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]]
    assert torch.equal(space_to_depth(x, (2, 2)), torch.cat(parts, 1))


@pytest.mark.parametrize("block", [(2,), (3,), (2, 2), (3, 2), (2, 3, 2)])
@pytest.mark.parametrize("groups", [1, 2])
def test_space_to_depth_is_a_bijection_on_whole_blocks(block, groups):
    x = torch.randn(2, 4, *(2 * s for s in block))
    y = space_to_depth(x, block, groups)
    assert y.numel() == x.numel()
    assert torch.equal(depth_to_space(y, block, groups), x)


def test_odd_sizes_are_filled_with_zeros():
    x = torch.randn(2, 3, 5, 7)
    y = space_to_depth(x, (2, 2))
    assert y.shape == (2, 12, 3, 4)
    assert torch.equal(depth_to_space(y, (2, 2)), F.pad(x, (0, 1, 0, 1)))


@pytest.mark.parametrize("way", [True, False], ids=["as one", "by sub-images"])
@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize(("kernel", "block", "padding", "groups"), [(3, 2, 1, 1), (1, 2, 0, 2), (2, 3, 1, 2)])
def test_it_is_one_strided_convolution_on_either_way(monkeypatch, way, ndim, kernel, block, padding, groups):
    monkeypatch.setattr(engine, "_is_faster_as_one", lambda *_: way)
    operator = OPERATORS[ndim](4, 6, kernel, block, padding, groups=groups, dtype=torch.float64)
    x = torch.randn(2, 4, *(block * n for n in (4, 3, 2)[:ndim]), dtype=torch.float64)
    conv = operator.to_conv()
    assert conv.stride == (block,) * ndim
    assert conv.kernel_size == (block * kernel,) * ndim
    assert conv.padding == (block * padding,) * ndim
    assert_close(operator(x), conv(x), 1e-12)


def test_either_way_computes_the_same_on_odd_sizes(monkeypatch):
    operator = SpaceToDepthConv2d(2, 3, 3, 2, 1, dtype=torch.float64)
    x, ys = torch.randn(2, 2, 7, 9, dtype=torch.float64), []
    for way in (True, False):
        monkeypatch.setattr(engine, "_is_faster_as_one", lambda *_, way=way: way)
        ys.append(operator(x))
    assert_close(ys[0], ys[1], 1e-12)


def test_the_planner_is_asked_which_way_is_faster(monkeypatch):
    asked = []
    seconds = engine._seconds
    monkeypatch.setattr(engine, "_one", {})

    def noted(problem, *more):
        asked.append(problem)
        return seconds(problem, *more)

    monkeypatch.setattr(engine, "_seconds", noted)
    operator, x = SpaceToDepthConv2d(4, 6, 3, padding=1), torch.randn(2, 4, 8, 8)
    operator(x)
    operator(x)
    one, parts = asked
    assert (one.in_channels, one.kernel, one.stride) == (4, (6, 6), (2, 2))
    assert (parts.in_channels, parts.kernel, parts.stride) == (16, (3, 3), (1, 1))
    assert one.output_spatial == parts.output_spatial == (4, 4)


def by_hand(monkeypatch, seconds):
    monkeypatch.setattr(engine, "_one", {})
    monkeypatch.setattr(engine, "_seconds", seconds)
    ways = []
    split = engine.space_to_depth
    monkeypatch.setattr(engine, "space_to_depth", lambda *given: ways.append("parts") or split(*given))
    SpaceToDepthConv2d(4, 6, 3, padding=1)(torch.randn(2, 4, 8, 8))
    return ways


def test_the_faster_way_runs(monkeypatch):
    assert by_hand(monkeypatch, lambda problem, *_: float(problem.stride == (1, 1))) == []
    assert by_hand(monkeypatch, lambda problem, *_: float(problem.stride == (2, 2))) == ["parts"]


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation", "groups"),
    [(3, 2, 1, 1, 1), (1, 2, 0, 1, 1), (7, 2, 3, 1, 1), (4, 4, 0, 1, 1), (3, 2, 2, 2, 2), (3, 2, 0, 1, 4)],
)
def test_a_strided_convolution_is_taken_over_exactly(kernel, stride, padding, dilation, groups):
    conv = nn.Conv2d(4, 8, kernel, stride, padding, dilation, groups, dtype=torch.float64)
    x = torch.randn(2, 4, 16, 24, dtype=torch.float64)
    assert_close(SpaceToDepthConv2d.from_conv(conv)(x), conv(x), 1e-12)
    if 2 * padding == dilation * (kernel - 1):
        assert_close(SpaceToDepthConv2d.from_conv(conv)(x[..., :15, :21]), conv(x[..., :15, :21]), 1e-12)


def test_kernels_that_pad_as_much_as_they_reach_stay_odd():
    sizes = {3: (3, 3), 1: (1, 1), 7: (5, 5)}
    for kernel, coarse in sizes.items():
        operator = SpaceToDepthConv2d.from_conv(nn.Conv2d(2, 2, kernel, 2, kernel // 2))
        assert operator.coarse.kernel == coarse


def test_layers_without_an_equal_are_refused():
    with pytest.raises(ArgumentError, match="reaches as far"):
        SpaceToDepthConv2d.from_conv(nn.Conv2d(2, 2, 5, 2, 1))
    with pytest.raises(ArgumentError, match="padding_mode 'circular'"):
        SpaceToDepthConv2d.from_conv(nn.Conv2d(2, 2, 3, 2, 1, padding_mode="circular"))
    with pytest.raises(ArgumentError, match="dilation 1"):
        SpaceToDepthConv2d(2, 2, 3, dilation=2).to_conv()
