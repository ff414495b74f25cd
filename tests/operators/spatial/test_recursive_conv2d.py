"""Recursive convolution: its size, work and reach, and the one matrix that it is."""

import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from circulant.core.tolerances import assert_close
from circulant.operators.spatial.recursive_conv2d import RecursiveConv2d

C, K = 3, 5
LEVELS = (0, 1, 2, 3, 4)
REACH = {0: 5, 1: 19, 2: 49, 3: 101, 4: 205}


@pytest.mark.parametrize("levels", LEVELS)
def test_parameters_grow_with_the_levels(levels):
    counted = sum(p.numel() for p in RecursiveConv2d(C, K, levels, device="meta").parameters())
    assert counted == C * K**2 * (levels + 2 if levels else 1)


@pytest.mark.parametrize(("levels", "share"), [(1, 1.5), (2, 1.625), (3, 1.65625), (4, 1.6640625)])
def test_work_is_at_most_five_thirds_of_one_convolution(levels, share):
    shape = (1, C, 64, 32)
    base = 2 * C * K**2 * 64 * 32
    module = RecursiveConv2d(C, K, levels, device="meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(torch.empty(shape, device="meta"))
    assert counter.get_total_flops() == module.cost(shape).flop == share * base
    assert share == 1 + 2 * sum(4.0**-i for i in range(1, levels + 1)) <= 5 / 3


@pytest.mark.parametrize("levels", LEVELS)
def test_the_centre_sees_as_far_as_published(levels):
    side = 256 if levels > 2 else 64
    module = RecursiveConv2d(1, K, levels, dtype=torch.float64)
    for parameter in module.parameters():
        torch.nn.init.ones_(parameter)  # nothing cancels
    x = torch.zeros(1, 1, side, side, dtype=torch.float64, requires_grad=True)
    module(x)[0, 0, side // 2, side // 2].backward()
    seen = x.grad[0, 0].nonzero()
    sides = (seen.max(0).values - seen.min(0).values + 1).tolist()
    assert sides == [REACH[levels]] * 2
    assert min(sides) >= K * 2**levels


def test_without_levels_it_is_one_depthwise_convolution():
    torch.manual_seed(0)
    module, x = RecursiveConv2d(C, K, 0, dtype=torch.float64), torch.randn(2, C, 9, 8, dtype=torch.float64)
    assert_close(module(x), F.conv2d(x, module.convs[0].weight, padding=2, groups=C))


def taps(size: int, stride: int, kernel: torch.Tensor) -> torch.Tensor:
    """Matrix of a zero-padded correlation along both axes of a size x size picture."""
    out = -(-size // stride)
    matrix = torch.zeros(out, out, size, size, dtype=torch.float64)
    for h in range(out):
        for w in range(out):
            for i in range(K):
                for j in range(K):
                    u, v = stride * h + i - K // 2, stride * w + j - K // 2
                    if 0 <= u < size and 0 <= v < size:
                        matrix[h, w, u, v] = kernel[i, j]
    return matrix.reshape(out**2, size**2)


def stretch(size: int, finer: int) -> torch.Tensor:
    """Matrix of bilinear interpolation."""
    line = torch.zeros(finer, size, dtype=torch.float64)
    for m in range(finer):
        place = min(max((m + 0.5) * size / finer - 0.5, 0), size - 1)
        lower = int(place)
        line[m, lower] += 1 - (place - lower)
        line[m, min(lower + 1, size - 1)] += place - lower
    return torch.kron(line, line)


@pytest.mark.parametrize("size", [8, 9, 11])
def test_the_operator_is_the_matrix_composed_of_its_parts(size):
    torch.manual_seed(size)
    module = RecursiveConv2d(1, K, 2, dtype=torch.float64)
    coarse, middle, fine = (conv.weight[0, 0] for conv in module.convs)
    half = -(-size // 2)
    quarter = -(-half // 2)
    down, again = taps(size, 2, module.down[0, 0]), taps(half, 2, module.down[0, 0])
    lowest = stretch(quarter, half) @ taps(quarter, 1, coarse) @ again @ down
    lower = stretch(half, size) @ taps(half, 1, middle) @ (down + lowest)
    matrix = taps(size, 1, fine) @ (torch.eye(size**2, dtype=torch.float64) + lower)
    x = torch.randn(3, 1, size, size, dtype=torch.float64)
    assert_close(module(x).flatten(1), x.flatten(1) @ matrix.T)


@pytest.mark.parametrize("spatial", [(7, 13), (1, 5), (17, 1), (1, 1)])
def test_odd_sizes_keep_their_shape(spatial):
    x = torch.randn(2, C, *spatial)
    assert RecursiveConv2d(C, K, 4)(x).shape == x.shape
