"""One-way filters: exact at full rank, nearest below it, and fewer only where the formula says so."""

import pytest
import torch
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.operators.spatial.one_way_conv import OneWayConv2d, OneWayConv3d
from circulant.operators.spatial.outer_products import composed, outer_products


@pytest.mark.parametrize("kernel", [3, 5, (3, 5)])
@pytest.mark.parametrize("groups", [1, 2])
def test_at_full_rank_singular_values_give_the_dense_convolution(kernel, groups):
    conv = nn.Conv2d(4, 6, kernel, 2, 1, groups=groups, dtype=torch.float64)
    rank = kernel if isinstance(kernel, int) else min(kernel)
    x = torch.randn(2, 4, 11, 12, dtype=torch.float64)
    assert_close(OneWayConv2d.from_conv(conv, rank=rank)(x), conv(x), 1e-10)


@pytest.mark.parametrize("rank", [1, 2, 3, 4])
def test_the_error_of_a_lower_rank_is_the_singular_values_left_out(rank):
    conv = nn.Conv2d(3, 4, 5, dtype=torch.float64)
    operator = OneWayConv2d.from_conv(conv, rank=rank)
    error = (operator.kernel() - conv.weight).flatten(2).square().sum(-1)
    left_out = torch.linalg.svdvals(conv.weight)[..., rank:].square().sum(-1)
    assert torch.allclose(error, left_out, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("rank", [1, 2])
def test_kernels_of_low_rank_in_three_dimensions_are_found_again(rank):
    generator = torch.Generator().manual_seed(0)
    factors = [torch.randn(2, 3, rank, k, dtype=torch.float64, generator=generator) for k in (3, 4, 3)]
    kernel = composed(factors)
    found = composed(outer_products(kernel, rank, 3, 400))
    residual = (found - kernel).flatten(2).norm(dim=-1) / kernel.flatten(2).norm(dim=-1)
    print(f"rank {rank}: largest relative residual {residual.max():.1e}")
    assert residual.max() < 1e-6


def test_each_sweep_brings_kernels_in_three_dimensions_nearer():
    kernel = torch.randn(4, 4, 3, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    errors = [(composed(outer_products(kernel, 2, 3, sweeps)) - kernel).norm() for sweeps in (0, 1, 5, 20)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.98 * errors[0]


def test_in_three_dimensions_every_kernel_is_held_by_nested_singular_vectors():
    conv = nn.Conv3d(2, 3, 3, padding=1, dtype=torch.float64)
    x = torch.randn(1, 2, 5, 4, 6, dtype=torch.float64)
    assert_close(OneWayConv3d.from_conv(conv, rank=9, sweeps=0)(x), conv(x), 1e-10)


@pytest.mark.parametrize(("operator", "ndim"), [(OneWayConv2d, 2), (OneWayConv3d, 3)])
@pytest.mark.parametrize("k", [3, 5, 7])
@pytest.mark.parametrize("rank", [1, 2, 3, 7])
def test_parameters_are_those_of_the_formula_and_fewer_only_below_its_rank(operator, ndim, k, rank):
    module = operator(4, 6, k, bias=False, rank=rank, device="meta")
    count = sum(parameter.numel() for parameter in module.parameters())
    assert count == 4 * 6 * rank * ndim * k
    assert (count < 4 * 6 * k**ndim) == (rank < k ** (ndim - 1) / ndim)


def test_three_taps_save_at_rank_one_alone_and_five_up_to_rank_two():
    def saves(k, rank):
        module = OneWayConv2d(4, 4, k, bias=False, rank=rank, device="meta")
        return sum(p.numel() for p in module.parameters()) < 16 * k * k

    assert [saves(3, rank) for rank in (1, 2, 3)] == [True, False, False]
    assert [saves(5, rank) for rank in (1, 2, 3)] == [True, True, False]


def test_first_kernels_have_the_variance_of_torchs():
    torch.manual_seed(0)
    for rank in (1, 3):
        operator, conv = OneWayConv2d(64, 64, 5, rank=rank), nn.Conv2d(64, 64, 5)
        assert abs(operator.kernel().std() / conv.weight.std() - 1) < 0.05


def test_torchs_layer_with_the_composed_kernel_computes_the_same():
    operator, x = OneWayConv2d(4, 6, 3, 2, 1, groups=2, rank=2, dtype=torch.float64), torch.randn(2, 4, 9, 8)
    assert_close(operator.to_conv()(x.double()), operator(x.double()), 1e-10)
