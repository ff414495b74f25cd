"""Convolution by a butterfly of small matrices equals the direct causal sum."""

from math import prod

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.engine.flash_butterfly import (
    butterfly_factors,
    butterfly_points,
    dft_matrix,
    flash_butterfly,
)


def drawn(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def direct_sum(x, kernel):
    L = x.shape[-1]
    rows = [[np.convolve(x[b, c], kernel[c])[:L] for c in range(x.shape[1])] for b in range(x.shape[0])]
    return torch.from_numpy(np.array(rows))


@pytest.mark.parametrize("length", [1 << k for k in range(4, 15)])
def test_powers_of_two_equal_the_direct_causal_sum(length):
    x, kernel = drawn(1, 2, length), drawn(2, length, seed=1)
    assert_close(flash_butterfly(x, kernel), direct_sum(x, kernel), 1e-12)


@pytest.mark.parametrize("length", [1, 2, 3, 15, 17, 100, 1000])
@pytest.mark.parametrize("taps", [1, 2, 40, 2000])
def test_any_length_and_kernel_equal_the_direct_causal_sum(length, taps):
    x, kernel = drawn(2, 2, length), drawn(2, taps, seed=1)
    assert_close(flash_butterfly(x, kernel), direct_sum(x, kernel), 1e-12)


def test_it_recurses_above_16():
    for k in range(1, 20):
        factors = butterfly_factors(1 << k)
        assert prod(factors) == 1 << k
        assert set(factors[:-1]) <= {16}
        assert factors[-1] in (2, 4, 8, 16)


def test_the_points_are_room_enough():
    assert [butterfly_points(length) for length in (1, 2, 3, 8, 9, 1024)] == [2, 4, 8, 16, 32, 2048]


@pytest.mark.parametrize("points", [2, 8, 16, 32, 64])
def test_derivatives_in_the_matrices_agree_with_finite_differences(points):
    sizes = sorted(set(butterfly_factors(points)))
    length = points // 2
    # away from the DFT, where nothing cancels
    matrices = [dft_matrix(size) + 0.1 * drawn(size, size, 2, seed=size) for size in sizes]
    leaves = [drawn(2, 1, length), drawn(1, length, seed=1), *matrices]

    def function(x, kernel, *matrices):
        return flash_butterfly(x, kernel, matrices=dict(zip(sizes, matrices)), points=points)

    assert gradcheck(function, [leaf.requires_grad_() for leaf in leaves], fast_mode=True)


def test_a_matrix_takes_the_place_of_the_transform_of_its_size():
    x, kernel, matrix = drawn(1, 1, 4), drawn(1, 4, seed=1), drawn(8, 8, 2, seed=2)
    M = torch.view_as_complex(matrix)
    padded = [torch.cat([rows, torch.zeros(4)]).to(torch.complex128) for rows in (x[0, 0], kernel[0])]
    expected = (M @ ((M @ padded[0]) * (M @ padded[1])).conj()).conj().real / 8
    y = flash_butterfly(x, kernel, matrices={8: matrix}, points=8)
    assert_close(y[0, 0], expected[:4])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_transformed_in_float32(dtype):
    x, kernel = drawn(1, 2, 500).to(dtype), drawn(2, 500, seed=1).to(dtype)
    y = flash_butterfly(x, kernel)
    assert y.dtype == dtype
    assert_close(y, direct_sum(x.double(), kernel.double()).to(dtype), 1e-2)


def test_autocast_decides_the_dtype():
    x, kernel = drawn(1, 2, 500).float(), drawn(2, 500, seed=1).float()
    with torch.autocast("cpu", torch.bfloat16):
        y = flash_butterfly(x, kernel)
    assert y.dtype == torch.bfloat16
    expected = direct_sum(x.bfloat16().double(), kernel.bfloat16().double())
    assert_close(y, expected.bfloat16(), 1e-2)


def test_what_cannot_be_computed_is_refused():
    with pytest.raises(ShapeError, match="expected x"):
        flash_butterfly(torch.zeros(2, 3, 8), torch.zeros(4, 8))
    for points in (12, 4):
        with pytest.raises(ArgumentError, match=f"power of two from L = 8 on, got {points}"):
            flash_butterfly(torch.zeros(2, 3, 8), torch.zeros(3, 8), points=points)
