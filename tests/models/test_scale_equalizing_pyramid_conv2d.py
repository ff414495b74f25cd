"""SEPC: where taps may move, what is shared over levels, and the order of its parts."""

import pytest
import torch
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.models.scale_equalizing_pyramid_conv2d import Equalized, ScaleEqualizingPyramidConv2d

C = 3


def pyramid() -> list[torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    return [torch.randn(2, C, n, n, dtype=torch.float64, generator=draw) for n in (12, 6, 3)]


def network(equalized: Equalized, **settings) -> ScaleEqualizingPyramidConv2d:
    """Kernels large enough that something comes through; offsets stay zero."""
    torch.manual_seed(0)
    module = ScaleEqualizingPyramidConv2d(C, equalized=equalized, **settings).double()
    draw = torch.Generator().manual_seed(2)
    for name, parameter in module.named_parameters():
        if name.endswith(("conv.weight", "conv.bias")):
            parameter.data.copy_(0.4 * torch.randn(parameter.shape, dtype=torch.float64, generator=draw))
    return module


@pytest.mark.parametrize("equalized", [Equalized.LAST, Equalized.ALL])
@pytest.mark.parametrize("training", [True, False])
def test_zero_offsets_make_it_the_plain_pyramid_convolution(equalized, training):
    moved, plain = network(equalized).train(training), network(Equalized.NONE).train(training)
    xs = pyramid()
    one, other = moved(xs), plain(xs)
    for a, b in zip(one.classes + one.boxes, other.classes + other.boxes):
        assert_close(a, b)


def test_the_light_version_moves_taps_in_the_last_convolutions_alone():
    movable = {
        equalized: {
            name.removesuffix(".offset.weight")
            for name in network(equalized).state_dict()
            if "offset.w" in name
        }
        for equalized in Equalized
    }
    assert movable[Equalized.NONE] == set()
    assert movable[Equalized.LAST] == {"classes.conv", "boxes.conv"}
    inside = {f"stages.{n}.conv.{part}" for n in range(4) for part in ("coarser", "same", "finer")}
    assert movable[Equalized.ALL] == movable[Equalized.LAST] | inside


def test_four_pyramid_convolutions_then_a_branch_each_for_classes_and_boxes():
    module, xs = network(Equalized.ALL), pyramid()
    for parameter in (p for name, p in module.named_parameters() if "offset" in name):
        nn.init.normal_(parameter, std=0.1)
    shared = xs
    for stage in module.stages:
        shared = [y.relu() for y in stage.norm(stage.conv(shared))]
    assert len(module.stages) == 4
    found = module(xs)
    for branch, features in ((module.classes, found.classes), (module.boxes, found.boxes)):
        levels = [branch.conv(x, moved=level > 0) for level, x in enumerate(shared)]
        for one, other in zip(features, branch.norm(levels)):
            assert_close(one, other.relu())


def test_a_single_level_without_norms_is_a_stack_of_convolutions_and_relu():
    module, x = network(Equalized.ALL, normed=False), pyramid()[0]
    y = x
    for conv in [stage.conv.same.conv for stage in module.stages] + [module.boxes.conv.conv]:
        y = nn.functional.conv2d(y, conv.weight, conv.bias, padding=1).relu()
    assert_close(module([x]).boxes[0], y)


def test_kernels_of_256_channels_are_shared_by_all_levels():
    with torch.device("meta"):
        module = ScaleEqualizingPyramidConv2d(equalized=Equalized.NONE, normed=False)
        found = module([torch.empty(1, 256, n, n) for n in (64, 32, 16, 8, 4)])
    assert sum(p.numel() for p in module.parameters()) == 14 * (9 * 256 * 256 + 256)
    assert [y.shape[-1] for y in found.classes] == [64, 32, 16, 8, 4]
