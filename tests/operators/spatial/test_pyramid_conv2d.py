"""Convolution across levels: level by level with torch's own functions, and the cases where it is known."""

from math import ceil, floor

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.operators.spatial.movable_conv2d import MovableConv2d
from circulant.operators.spatial.pyramid_conv2d import IntegratedBatchNorm2d, PyramidConv2d

C, O = 3, 4


def pyramid(levels: int = 4, size: tuple[int, int] = (13, 10), channels: int = C) -> list[torch.Tensor]:
    draw, made = torch.Generator().manual_seed(1), []
    for _ in range(levels):
        made.append(torch.randn(2, channels, *size, dtype=torch.float64, generator=draw))
        size = (ceil(size[0] / 2), ceil(size[1] / 2))
    return made


def disturbed(module: nn.Module, std: float = 0.3) -> nn.Module:
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=std)
    return module.double()


def grown(y: torch.Tensor, size: tuple[int, ...]) -> torch.Tensor:
    """Linear interpolation between samples whose corners lie on each other, as a matrix for each axis."""
    for axis, wanted in ((2, size[0]), (3, size[1])):
        have = y.shape[axis]
        places = torch.linspace(0, have - 1, wanted, dtype=y.dtype) if wanted > 1 else torch.zeros(1).double()
        shares = (1 - (places[:, None] - torch.arange(have)).abs()).clamp(min=0)
        y = torch.tensordot(y, shares, ([axis], [1])).movedim(-1, axis)
    return y


def test_equals_the_sum_over_three_levels_one_by_one():
    module, xs = disturbed(PyramidConv2d(C, O)), pyramid()
    ys = module(xs)
    for level, (x, y) in enumerate(zip(xs, ys)):
        wanted = F.conv2d(x, module.same.conv.weight, module.same.conv.bias, padding=1)
        if level > 0:
            finer = module.finer.conv
            wanted = wanted + F.conv2d(xs[level - 1], finer.weight, finer.bias, stride=2, padding=1)
        if level < 3:
            coarser = module.coarser.conv
            wanted = wanted + grown(
                F.conv2d(xs[level + 1], coarser.weight, coarser.bias, padding=1), x.shape[2:]
            )
        assert (y - wanted).abs().max() < 1e-10


def test_without_kernels_for_neighbours_every_level_meets_the_same_convolution():
    module, xs = disturbed(PyramidConv2d(C, O)), pyramid()
    for neighbour in (module.coarser, module.finer):
        nn.init.zeros_(neighbour.conv.weight)
        nn.init.zeros_(neighbour.conv.bias)
    for x, y in zip(xs, module(xs)):
        assert_close(y, module.same(x))


def test_a_single_level_is_a_convolution():
    module, (x,) = disturbed(PyramidConv2d(C, O)), pyramid(1)
    assert_close(module([x])[0], F.conv2d(x, module.same.conv.weight, module.same.conv.bias, padding=1))


@pytest.mark.parametrize("size", [1, 3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_moved_taps_read_between_samples_and_zeros_outside(size, stride):
    module = disturbed(MovableConv2d(2, 3, size, stride, movable=True))
    (x,) = pyramid(1, (6, 5), channels=2)
    offset, conv = module.offset(x), module.conv
    expected = conv.bias[:, None, None].expand(2, 3, *offset.shape[2:]).clone()
    for b in range(2):
        for h in range(offset.shape[2]):
            for w in range(offset.shape[3]):
                for tap in range(size**2):
                    down = (stride * h + tap // size - size // 2 + offset[b, 2 * tap, h, w]).item()
                    right = (stride * w + tap % size - size // 2 + offset[b, 2 * tap + 1, h, w]).item()
                    for i in (floor(down), floor(down) + 1):
                        for j in (floor(right), floor(right) + 1):
                            if 0 <= i < 6 and 0 <= j < 5:
                                near = (1 - abs(down - i)) * (1 - abs(right - j))
                                kernel = conv.weight[:, :, tap // size, tap % size]
                                expected[b, :, h, w] += near * (kernel @ x[b, :, i, j])
    assert (module(x) - expected).abs().max() < 1e-10


def test_zero_offsets_change_nothing_and_learnt_ones_spare_the_finest_level():
    torch.manual_seed(0)
    plain, equalized = PyramidConv2d(C, O).double(), PyramidConv2d(C, O, equalized=True).double()
    assert equalized.load_state_dict(plain.state_dict(), strict=False).unexpected_keys == []
    xs = pyramid()
    for one, other in zip(plain(xs), equalized(xs)):
        assert_close(other, one)
    for conv in (equalized.coarser, equalized.same, equalized.finer):
        nn.init.normal_(conv.offset.bias)
    first, *rest = zip(plain(xs), equalized(xs))
    assert torch.equal(*first)
    assert all((one - other).abs().max() > 1e-3 for one, other in rest)


def test_offsets_learn():
    module, xs = disturbed(PyramidConv2d(C, O, equalized=True), 0.1), pyramid()
    sum(y.square().sum() for y in module(xs)).backward()
    for conv in (module.coarser, module.same, module.finer):
        assert conv.offset.weight.grad.abs().sum() > 0


def test_second_derivatives_hold():
    module, xs = disturbed(PyramidConv2d(1, 1, equalized=True), 0.2), pyramid(2, (3, 4), channels=1)
    leaves = [x[:1].clone().requires_grad_() for x in xs]
    assert torch.autograd.gradgradcheck(lambda *levels: tuple(module(levels)), leaves)


def test_the_norm_has_the_mean_and_variance_of_all_levels_laid_side_by_side():
    norm, xs = IntegratedBatchNorm2d(C).double(), pyramid()
    ys = norm(xs)
    flat = torch.cat([x.transpose(0, 1).flatten(1) for x in xs], 1)
    mean, variance = flat.mean(1), flat.var(1, correction=0)
    for x, y in zip(xs, ys):
        assert_close(y, (x - mean[:, None, None]) / (variance[:, None, None] + 1e-5).sqrt())
    assert_close(norm.norm.running_mean, 0.1 * mean)
    assert_close(norm.norm.running_var, 0.9 + 0.1 * flat.var(1))
    norm.eval()
    wanted = [
        (x - 0.1 * mean[:, None, None]) / (norm.norm.running_var[:, None, None] + 1e-5).sqrt() for x in xs
    ]
    for y, one in zip(norm(xs), wanted):
        assert_close(y, one)


def test_levels_that_do_not_halve_and_empty_pyramids_are_refused():
    module = PyramidConv2d(C, O).double()
    with pytest.raises(ShapeError, match="half the size"):
        module([torch.zeros(1, C, 8, 8).double(), torch.zeros(1, C, 5, 4).double()])
    for levels in ([], [torch.zeros(1, C + 1, 8, 8)], [torch.zeros(C, 8, 8)]):
        with pytest.raises(ShapeError, match="levels"):
            module(levels)
    with pytest.raises(ArgumentError, match="odd kernel_size"):
        PyramidConv2d(C, O, 2)
