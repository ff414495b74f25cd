"""Gains in the frequency domain: circular convolution with the kernel whose spectrum they are."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.utils.flop_counter import FlopCounterMode

from circulant.algorithms.algorithm import AlgorithmName
from circulant.backends.table import Backend
from circulant.core.errors import NoPlanError, ShapeError
from circulant.core.tolerances import RELATIVE, assert_close
from circulant.engine.choice import use
from circulant.engine.costs import spectral_filter_cost
from circulant.engine.spectral_filter import real_gains, spectral_filter
from circulant.engine.transform import irfftn, rfftn

SIZES = [(1,), (2,), (7,), (16,), (17,), (56,), (4, 5), (28, 29), (3, 4, 6)]  # 17 and 29 are torch's


def drawn(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def gains_for(sizes, channels):
    return drawn(channels, *sizes[:-1], sizes[-1] // 2 + 1, 2, seed=1)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("sizes", SIZES)
def test_it_is_there_times_gains_and_back(sizes, shared):
    x, gains = drawn(2, 3, *sizes), gains_for(sizes, 1 if shared else 3)
    axes = tuple(range(2, x.ndim))
    expected = torch.fft.irfftn(torch.fft.rfftn(x, dim=axes) * torch.view_as_complex(gains), sizes, dim=axes)
    assert_close(spectral_filter(x, gains), expected, 1e-13)


@pytest.mark.parametrize("sizes", [(6,), (7,), (4, 5)])
def test_gains_that_are_a_kernels_spectrum_convolve_circularly(sizes):
    x, kernel = drawn(2, 3, *sizes), drawn(3, *sizes, seed=2)
    expected = torch.zeros_like(x)
    for shift in torch.cartesian_prod(*map(torch.arange, sizes)).reshape(-1, len(sizes)).tolist():
        taps = kernel[(slice(None), *shift)].reshape(3, *(1,) * len(sizes))
        expected += taps * x.roll(shift, tuple(range(2, x.ndim)))
    assert_close(spectral_filter(x, rfftn(kernel, len(sizes))), expected, 1e-13)


@pytest.mark.parametrize("backend", [Backend.TORCH, Backend.NATIVE])
@pytest.mark.parametrize(("sizes", "rows"), [((5,), 2), ((4,), 1), ((3, 4), 2), ((2, 3, 2), 1)])
def test_derivatives_of_first_and_second_order_are_exact(sizes, rows, backend):
    with use(backend=backend):
        x, gains = drawn(2, 2, *sizes), gains_for(sizes, rows)
        assert gradcheck(spectral_filter, (x.requires_grad_(), gains.requires_grad_()))
        assert gradgradcheck(spectral_filter, (x, gains))


def test_gains_of_one_leave_the_input_as_it_is():
    x = drawn(2, 3, 6, 8)
    assert_close(spectral_filter(x, real_gains(torch.ones(1, 6, 5, dtype=x.dtype))), x, 1e-14)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    x, gains = drawn(2, 3, 8, 6), gains_for((8, 6), 3)
    got = spectral_filter(x.to(dtype), gains)
    assert got.dtype == dtype
    assert_close(got, spectral_filter(x, gains), RELATIVE[dtype])


def test_an_empty_batch_gives_an_empty_result():
    assert spectral_filter(drawn(0, 3, 8), gains_for((8,), 3)).shape == (0, 3, 8)


def test_examples_map():
    x, gains = drawn(4, 2, 3, 6), gains_for((6,), 3)
    got = torch.func.vmap(spectral_filter, in_dims=(0, None))(x, gains)
    assert_close(got, torch.stack([spectral_filter(part, gains) for part in x]), 1e-14)


def test_flop_are_counted_as_the_cost_says():
    with FlopCounterMode(display=False) as counter:
        spectral_filter(drawn(2, 3, 8, 6), gains_for((8, 6), 3))
    assert counter.get_total_flops() == round(spectral_filter_cost((2, 3, 8, 6)).flop)


def test_it_has_no_direct_sum_and_does_not_mind_that_convolutions_have():
    x, gains = drawn(2, 3, 8), gains_for((8,), 3)
    with use(algorithm=AlgorithmName.DIRECT):
        assert_close(spectral_filter(x, gains), irfftn(times_of(rfftn(x, 1), gains), (8,)), 1e-14)
    with use(backend=Backend.TRITON), pytest.raises(NoPlanError):
        spectral_filter(x, gains)


def times_of(z, w):
    return torch.view_as_real(torch.view_as_complex(z) * torch.view_as_complex(w))


@pytest.mark.parametrize("shape", [(3, 8, 2), (2, 5, 2), (3, 5), (3, 5, 1)])
def test_other_gains_are_refused(shape):
    with pytest.raises(ShapeError, match="gains"):
        spectral_filter(drawn(2, 3, 8), drawn(*shape))
