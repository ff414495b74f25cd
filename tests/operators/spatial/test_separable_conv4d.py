"""Separable convolution in four dimensions: the one dense kernel it is, its borders, its ring of phases."""

from itertools import product

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.spatial.separable_conv4d import SeparableConv4d

I, O = 2, 3


def operator(size: int = 3, **settings) -> SeparableConv4d:
    torch.manual_seed(0)
    return SeparableConv4d(I, O, size, dtype=torch.float64, **settings)


def film(*sizes: int) -> torch.Tensor:
    return torch.randn(2, I, *sizes, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def summed(x: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """Direct summation: phases go round, slices repeat at the ends, zeros lie around a slice."""
    reach = kernel.shape[2] // 2
    T, D, H, W = x.shape[2:]
    y = x.new_zeros(x.shape[0], kernel.shape[0], T, D, H, W)
    for t, d, h, w in product(range(T), range(D), range(H), range(W)):
        for a, b, c, e in product(range(-reach, reach + 1), repeat=4):
            row, column = h + c, w + e
            if 0 <= row < H and 0 <= column < W:
                met = x[:, :, (t + a) % T, min(max(d + b, 0), D - 1), row, column]
                taps = kernel[:, :, a + reach, b + reach, c + reach, e + reach]
                y[:, :, t, d, h, w] += met @ taps.T
    return y


@pytest.mark.parametrize(("size", "sizes"), [(3, (3, 3, 3, 4)), (3, (2, 1, 4, 2)), (5, (4, 2, 2, 3))])
def test_equals_one_dense_convolution_with_the_sum_of_the_embedded_kernels(size, sizes):
    module, x = operator(size), film(*sizes)
    middle = size // 2
    kernel = torch.zeros(O, I, *(size,) * 4, dtype=torch.float64)
    for m in range(size):
        kernel[:, :, m, middle, middle, middle] += module.phase.weight[:, :, m, 0].detach()
        kernel[:, :, middle, m, middle, middle] += module.depth.weight[:, :, 0, m, 0].detach()
        for n in range(size):
            kernel[:, :, middle, middle, m, n] += module.plane.weight[:, :, 0, m, n].detach()
    bias = sum(part.bias for part in (module.plane, module.depth, module.phase))
    expected = summed(x, kernel) + bias[:, None, None, None, None]
    assert_close(module.dense_kernel(), kernel)
    assert (module(x) - expected).abs().max() < 1e-10


def test_the_dense_kernel_is_a_cross_and_no_outer_product():
    kernel = operator().dense_kernel()[0, 0]
    taken = {tuple(place) for place in kernel.nonzero().tolist()}
    plane = {(1, 1, m, n) for m in range(3) for n in range(3)}
    lines = {(m, 1, 1, 1) for m in range(3)} | {(1, m, 1, 1) for m in range(3)}
    assert taken == plane | lines
    assert torch.linalg.matrix_rank(kernel.reshape(9, 9)) > 1


@pytest.mark.parametrize("planar", [False, True])
def test_rolling_the_phases_rolls_the_output_exactly(planar):
    module, x = operator(planar=planar), film(5, 3, 4, 3)
    for distance in range(1, 5):
        assert (module(x.roll(distance, 2)) - module(x).roll(distance, 2)).abs().max() < 1e-12


def test_the_first_and_the_last_slice_go_on_beyond_the_volume():
    module, x = operator(), film(3, 2, 3, 3)
    longer = torch.cat((x[:, :, :, :1], x, x[:, :, :, -1:]), 3)
    assert (module(longer)[:, :, :, 1:-1] - module(x)).abs().max() < 1e-12


def test_a_pair_of_channels_has_15_weights_where_a_dense_kernel_has_81():
    module = SeparableConv4d(I, O, bias=False)
    assert sum(p.numel() for p in module.parameters()) == 15 * I * O
    assert module.dense_kernel().numel() == 81 * I * O
    assert (
        SeparableConv4d(I, O, planar=True, bias=False).cost((1, I, 2, 3, 4, 5)).flop == 2 * 12 * I * O * 120
    )


def test_an_even_kernel_is_refused():
    with pytest.raises(ArgumentError, match="odd kernel_size"):
        SeparableConv4d(I, O, 2)
