"""Topological subdivisioning: a 1x1 convolution with an explicit mask, at the cost of what is left of it."""

from itertools import product
from math import prod

import pytest
import torch
import torch.nn.functional as F

from circulant.core.tolerances import assert_close
from circulant.engine.convolution import Boundary
from circulant.operators.spatial.topological_pointwise import TopologicalPointwise

GRIDS = [((12,), (5,)), ((4, 5), (3, 3)), ((4, 5), (2, 4)), ((2, 3, 4), (1, 3, 2))]


def mask(grid: tuple[int, ...], near: tuple[int, ...], circular: bool) -> torch.Tensor:
    """1 where output c sees input i, from the distance of their cells along each axis."""
    cells = list(product(*map(range, grid)))
    seen = torch.zeros(len(cells), len(cells), dtype=torch.float64)
    for c, cell in enumerate(cells):
        for i, other in enumerate(cells):
            fits = []
            for a, b, size, n in zip(cell, other, grid, near):
                steps = {b - a, b - a + size, b - a - size} if circular else {b - a}
                fits.append(any(-((n - 1) // 2) <= step <= n // 2 for step in steps))
            seen[c, i] = all(fits)
    return seen


@pytest.mark.parametrize("circular", [True, False])
@pytest.mark.parametrize(("grid", "near"), GRIDS)
def test_it_is_a_dense_1x1_convolution_under_the_mask_of_neighbours(grid, near, circular):
    C = prod(grid)
    boundary = Boundary.CIRCULAR if circular else Boundary.ZEROS
    layer = TopologicalPointwise(C, grid, near, boundary=boundary, dtype=torch.float64)
    full = torch.randn(C, C, dtype=torch.float64) * mask(grid, near, circular)
    index = layer.neighbours()
    with torch.no_grad():
        layer.weight.copy_(full.gather(1, index.clamp(min=0)))
    x = torch.randn(2, C, 3, 4, dtype=torch.float64)
    assert_close(layer(x), F.conv2d(x, full[..., None, None], layer.bias), 1e-12)
    assert_close(layer.to_conv()(x), layer(x), 1e-12)
    assert_close(layer.dense_weight(), full, 0)
    assert int((index >= 0).sum()) == int(mask(grid, near, circular).sum())


def test_gradients_are_those_of_the_masked_convolution():
    layer = TopologicalPointwise(20, (4, 5), (3, 3), dtype=torch.float64)
    x = torch.randn(2, 20, 6, dtype=torch.float64, requires_grad=True)
    seed = torch.randn(2, 20, 6, dtype=torch.float64)
    got = torch.autograd.grad((layer(x) * seed).sum(), (x, layer.weight, layer.bias))
    dense = torch.einsum("oi,bil->bol", layer.dense_weight(), x) + layer.bias[:, None]
    expected = torch.autograd.grad((dense * seed).sum(), (x, layer.weight, layer.bias))
    for one, other in zip(got, expected):
        assert_close(one, other, 1e-12)


@pytest.mark.parametrize("grid", [(7,), (3, 4), (2, 2, 3)])
def test_a_neighbourhood_as_large_as_the_grid_is_the_ordinary_1x1_convolution(grid):
    C = prod(grid)
    layer = TopologicalPointwise(C, grid, grid, dtype=torch.float64)
    assert layer.weight.numel() == C * C
    assert layer.neighbours().sort(1).values.tolist() == [list(range(C))] * C
    full = torch.randn(C, C, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(full.gather(1, layer.neighbours()))
    x = torch.randn(1, C, 2, 3, dtype=torch.float64)
    assert_close(layer(x), F.conv2d(x, full[..., None, None], layer.bias), 1e-12)


def test_multiply_adds_are_positions_times_channels_times_neighbours():
    layer = TopologicalPointwise(64, (8, 8), (3, 5), device="meta")
    assert layer.cost((2, 64, 7, 9)).flop == 2 * (2 * 7 * 9 * 64 * 3 * 5)
    assert sum(p.numel() for p in layer.parameters()) == 64 * 15 + 64
