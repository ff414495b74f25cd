"""Large depthwise kernels with dilated branches: what the branches are, and that merging them is exact."""

import pytest
import torch
import torch.nn.functional as F

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.spatial.dilated_reparam_block import DilatedBranch, DilatedReparamBlock
from circulant.operators.spatial.large_kernel_conv import LargeKernelConv2d

PUBLISHED = {
    7: ((7, 5, 3, 3), (1, 1, 2, 3)),
    9: ((9, 5, 5, 3, 3), (1, 1, 2, 3, 4)),
    11: ((11, 5, 5, 3, 3, 3), (1, 1, 2, 3, 4, 5)),
    13: ((13, 5, 7, 3, 3, 3), (1, 1, 2, 3, 4, 5)),
    15: ((15, 5, 7, 3, 3, 3), (1, 1, 2, 3, 5, 7)),
    17: ((17, 5, 9, 3, 3, 3), (1, 1, 2, 4, 5, 7)),
    31: ((31, 5), (1, 1)),
}
C = 3


def trained(kernel_size: int) -> LargeKernelConv2d:
    """In float64, with every parameter and statistic away from its first value."""
    torch.manual_seed(kernel_size)
    module = LargeKernelConv2d(C, kernel_size, dtype=torch.float64)
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                value.copy_(torch.rand_like(value) + 0.5 if "var" in name else torch.randn_like(value))
    return module.eval()


def picture(side: int = 19) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, C, side, side - 2, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("kernel_size", PUBLISHED)
def test_branches_are_the_published_ones_each_with_its_own_batch_norm(kernel_size):
    module, x = trained(kernel_size), picture()
    state = module.state_dict()
    expected = torch.zeros_like(x)
    for i, (size, dilation) in enumerate(zip(*PUBLISHED[kernel_size], strict=True)):
        weight = state[f"body.convs.{i}.weight"]
        assert weight.shape == (C, 1, size, size)
        z = F.conv2d(x, weight, padding=dilation * (size // 2), dilation=dilation, groups=C)
        norm = (state[f"body.norms.{i}.{name}"] for name in ("running_mean", "running_var", "weight", "bias"))
        expected += F.batch_norm(z, *norm)
    assert f"body.convs.{len(PUBLISHED[kernel_size][0])}.weight" not in state
    assert_close(module(x), expected)


@pytest.mark.parametrize("kernel_size", PUBLISHED)
def test_merged_kernel_equals_the_branches_in_evaluation_mode(kernel_size):
    module, x = trained(kernel_size), picture()
    merged = module.fuse()
    assert {name: tuple(value.shape) for name, value in merged.state_dict().items()} == {
        "body.weight": (C, 1, kernel_size, kernel_size),
        "body.bias": (C,),
    }
    assert_close(merged(x), module(x))


def test_merged_kernel_is_one_torch_convolution():
    module, x = trained(13), picture()
    conv = module.to_conv()
    assert isinstance(conv, torch.nn.Conv2d)
    assert_close(conv(x), module(x))


def test_fuse_leaves_the_original_alone_and_reparameterize_changes_it():
    module, x = trained(7), picture()
    before = module(x)
    module.fuse()
    assert isinstance(module.body, DilatedReparamBlock)
    module.reparameterize()
    assert not isinstance(module.body, DilatedReparamBlock)
    assert not module.body.training
    assert_close(module(x), before)


def test_merging_twice_changes_nothing():
    once = trained(9).fuse()
    assert_close(once.fuse()(picture()), once(picture()))


def test_merged_weights_load_into_an_operator_built_merged():
    module, x = trained(7).fuse(), picture()
    fresh = LargeKernelConv2d(C, 7, merged=True, dtype=torch.float64)
    fresh.load_state_dict(module.state_dict())
    assert_close(fresh(x), module(x))


def test_merged_kernel_keeps_learning():
    module = trained(7).fuse()
    module(picture()).sum().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in module.parameters())


def test_training_mode_normalises_by_the_batch_so_merging_would_change_it():
    module, x = trained(7).train(), picture()
    assert (module(x) - module.fuse()(x)).abs().max() > 0.1


@pytest.mark.parametrize(
    ("kernel_size", "branches", "words"),
    [
        (8, None, "odd kernel_size"),
        (-1, None, "odd kernel_size"),
        (7, (DilatedBranch(2, 1),), "within 7 samples"),
        (7, (DilatedBranch(3, 4),), "within 7 samples"),
        (7, (DilatedBranch(3, 0),), "within 7 samples"),
    ],
)
def test_branches_whose_taps_would_miss_those_of_the_kernel_are_refused(kernel_size, branches, words):
    with pytest.raises(ArgumentError, match=words):
        LargeKernelConv2d(C, kernel_size, branches=branches)
