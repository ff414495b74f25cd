"""Frequency dynamic convolution: disjoint groups that add up, and a plain convolution at neutral gates."""

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.dynamic.fd_conv2d import FDConv2d
from circulant.operators.dynamic.fourier_disjoint_weight import FourierDisjointWeight

SHAPES = ((16, 24, 3, 3), (64, 64, 3, 3), (64, 64, 1, 1))


def group_sheets(module: FourierDisjointWeight) -> torch.Tensor:
    """The sheet of each group alone, at the share it has in the stored kernel."""
    n, (O, I, KH, KW) = module.groups, module.shape
    kernels = module(torch.eye(n, dtype=torch.float64) / n)
    return kernels.permute(0, 1, 3, 2, 4).reshape(n, O * KH, I * KW)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_groups_kernels_add_up_to_the_stored_kernel(shape):
    torch.manual_seed(0)
    module = FourierDisjointWeight(shape, 4, dtype=torch.float64)
    weight = torch.randn(shape, dtype=torch.float64)
    module.set_kernel(weight)
    sheets = group_sheets(module)
    expected = weight.permute(0, 2, 1, 3).reshape(sheets.shape[1:])
    assert_close(sheets.sum(0), expected, 1e-12)
    assert_close(module(torch.full((1, 4), 0.25, dtype=torch.float64))[0], weight, 1e-12)


@pytest.mark.parametrize(
    ("shape", "groups", "most"), [((16, 24, 3, 3), 4, 0), ((64, 64, 3, 3), 64, 10), ((64, 64, 1, 1), 64, 10)]
)
def test_spectra_are_disjoint_but_for_pairs_split_at_the_edge_of_a_group(shape, groups, most):
    torch.manual_seed(0)
    module = FourierDisjointWeight(shape, groups, dtype=torch.float64)
    spectra = torch.fft.rfft2(group_sheets(module)).abs()
    meets = (spectra > 1e-9 * spectra.max()).sum(0)
    assert meets[:, 1:-1].max() == 1
    assert int((meets > 1).sum()) <= most  # in the columns that are their own mirror images


@pytest.mark.parametrize("kernel", [1, 3])
def test_neutral_gates_give_the_plain_convolution(kernel):
    torch.manual_seed(0)
    conv = nn.Conv2d(16, 24, kernel, 2, kernel // 2, dtype=torch.float64)
    module = FDConv2d.from_conv(conv, frequency_groups=4).eval()
    x = torch.randn(3, 16, 9, 8, dtype=torch.float64)
    assert_close(module(x), conv(x), 1e-4)  # the heads start near zero
    for name, parameter in module.named_parameters():
        if "norm" not in name and "spectrum" not in name and name != "bias" and "slope" not in name:
            nn.init.zeros_(parameter)
    assert_close(module(x), conv(x))


def test_each_example_is_convolved_with_its_own_kernel():
    torch.manual_seed(0)
    module = FDConv2d(16, 8, 3, padding=1, groups=2, frequency_groups=4, dtype=torch.float64).eval()
    for parameter in module.modulation.parameters():
        nn.init.normal_(parameter)
    x = torch.randn(3, 16, 9, 8, dtype=torch.float64)
    kernels, z = module.kernels(x), module.bands(x)
    assert (kernels[0] - kernels[1]).abs().max() > 1e-3
    for b in range(3):
        one = nn.functional.conv2d(z[b : b + 1], kernels[b], module.bias, padding=1, groups=2)
        assert_close(module(x)[b : b + 1], one)


def test_a_resnet_50_gains_3_65_million_parameters():
    """Every convolution of its bottlenecks of stride 1 and 2; not those of the short cuts, nor the stem."""
    more, inner, before = 0, 64, 64
    for blocks in (3, 4, 6, 3):
        for number in range(blocks):
            first = before if number == 0 else 4 * inner
            for sizes in ((first, inner, 1), (inner, inner, 3), (inner, 4 * inner, 1)):
                with torch.device("meta"):
                    module = FDConv2d(*sizes, bias=False)
                count = sum(parameter.numel() for parameter in module.parameters())
                more += count - sizes[0] * sizes[1] * sizes[2] ** 2
        before, inner = 4 * inner, 2 * inner
    assert abs(more / 3.65e6 - 1) < 0.01


def test_a_number_of_groups_that_does_not_divide_the_bins_is_refused():
    with pytest.raises(ArgumentError, match="divide the 15 bins of the kernel, got 4"):
        FDConv2d(4, 5, 1, frequency_groups=4)
