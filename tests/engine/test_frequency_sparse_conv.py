"""Convolution with the low frequencies of a kernel equals the masked spectrum, and skips what is masked."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.utils.flop_counter import FlopCounterMode

from circulant.algorithms.frequency_sparse_conv import (
    LARGEST_FACTOR,
    MonarchFrequencySparseConv,
    kept_rows,
    sparse_factors,
)
from circulant.backends.torch import frequency_sparse_conv as backend
from circulant.core.errors import ArgumentError, DtypeError, NoPlanError, ShapeError
from circulant.core.tolerances import RELATIVE, assert_close
from circulant.functional import frequency_sparse_conv, long_conv
from circulant.problems.frequency_sparse_conv import FrequencySparseConvProblem
from circulant.problems.trilinear import Slot

algorithms = pytest.mark.parametrize("algorithm", ["fft", "monarch"])


def drawn(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def masked(x, kernel, keep, n):
    """The definition, by torch; differentiable."""
    spectrum = torch.fft.rfft(kernel, n)
    spectrum = spectrum * (torch.arange(n // 2 + 1) < keep)
    return torch.fft.irfft(torch.fft.rfft(x, n) * spectrum, n)[..., : x.shape[-1]]


@algorithms
@pytest.mark.parametrize(("length", "keep"), [(64, 1), (64, 2), (64, 17), (64, 64), (360, 50), (2048, 700)])
def test_it_equals_the_masked_spectrum_with_its_gradients(length, keep, algorithm):
    leaves = [drawn(2, 3, length).requires_grad_(), drawn(3, length, seed=1).requires_grad_()]
    y, expected = (
        frequency_sparse_conv(*leaves, keep, algorithm=algorithm),
        masked(*leaves, keep, 2 * length),
    )
    assert_close(y, expected)
    cotangent = drawn(2, 3, length, seed=2)
    wanted = torch.autograd.grad(expected, leaves, cotangent)
    for got, want in zip(torch.autograd.grad(y, leaves, cotangent), wanted):
        assert_close(got, want)


@pytest.mark.parametrize("factors", [(4, 30), (30, 4), (3, 5, 8), (8, 5, 3), (2, 3, 4, 5), (5, 4, 3, 2)])
@pytest.mark.parametrize("slot", Slot, ids=lambda slot: slot.value)
def test_every_factorisation_skips_the_right_rows(factors, slot):
    for keep in range(1, 62):
        problem = FrequencySparseConvProblem(torch.float64, slot, 1, 2, 60, 45, 120, keep)
        operands = [drawn(*shape, seed=seed) for seed, shape in enumerate(problem.operand_shapes)]
        got = backend.monarch(problem, *operands, factors=factors)
        assert_close(got, backend.fft(problem, *operands), what=f"{keep} bins by {factors}")


@algorithms
def test_with_every_bin_it_is_the_causal_convolution(algorithm):
    x, kernel = drawn(2, 3, 100), drawn(3, 100, seed=1)
    y = frequency_sparse_conv(x, kernel, 101, algorithm=algorithm)
    assert_close(y, long_conv(x, kernel, algorithm="direct"))


@algorithms
def test_with_n_of_the_length_it_is_circular(algorithm):
    x, kernel = drawn(2, 3, 100), drawn(3, 30, seed=1)
    y = frequency_sparse_conv(x, kernel, 51, n=100, algorithm=algorithm)
    assert_close(y, long_conv(x, kernel, boundary="circular", algorithm="direct"))


@algorithms
def test_a_frequency_passes_below_the_cut_and_not_above(algorithm):
    cycles = torch.tensor([[7.0], [8.0]], dtype=torch.float64)
    wave = torch.cos(2 * torch.pi * cycles * torch.arange(64) / 64)
    impulse = torch.ones(2, 1, dtype=torch.float64)
    y = frequency_sparse_conv(wave[None], impulse, 8, n=64, algorithm=algorithm)
    assert_close(y[0, 0], wave[0])
    assert y[0, 1].abs().max() < 1e-12


@algorithms
def test_derivatives_agree_with_finite_differences(algorithm):
    def function(x, kernel):
        return frequency_sparse_conv(x, kernel, 4, algorithm=algorithm)

    leaves = [drawn(2, 2, 6).requires_grad_(), drawn(2, 5, seed=1).requires_grad_()]
    assert gradcheck(function, leaves, fast_mode=True)
    assert gradgradcheck(function, leaves, fast_mode=True)


@algorithms
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_other_dtypes_are_kept(dtype, algorithm):
    x, kernel = drawn(2, 3, 512).to(dtype), drawn(3, 512, seed=1).to(dtype)
    y = frequency_sparse_conv(x, kernel, 100, algorithm=algorithm)
    assert y.dtype == dtype
    assert_close(y, masked(x.double(), kernel.double(), 100, 1024), RELATIVE[dtype])


@pytest.mark.parametrize("slot", ["output", "input", "kernel"])
def test_the_registered_operator_passes_the_checks_of_torch(slot):
    first, second = drawn(2, 3, 6), drawn(2, 3, 6, seed=1) if slot == "kernel" else drawn(3, 5, seed=1)
    operands = [operand.requires_grad_() for operand in (first, second)]
    torch.library.opcheck(
        torch.ops.circulant.frequency_sparse_conv.default,
        (*operands, [5, 12, 3], slot, None, None, None, None),
    )


def problem_of(length, keep):
    return FrequencySparseConvProblem(torch.float32, Slot.OUTPUT, 2, 3, length, length, 2 * length, keep)


def counted(problem, factors=None):
    operands = [torch.zeros(shape) for shape in problem.operand_shapes]
    with FlopCounterMode(display=False) as counter:
        backend.monarch(problem, *operands, factors=factors)
    return counter.get_total_flops()


def test_the_masked_products_are_not_computed():
    whole, quarter, sixteenth = (
        counted(problem_of(2048, 2049 // part), factors=(8, 8, 64)) for part in (1, 4, 16)
    )
    assert quarter < 0.45 * whole
    assert sixteenth < 0.25 * whole


@pytest.mark.parametrize(("length", "keep"), [(60, 7), (512, 513), (512, 100), (8192, 1000)])
def test_the_work_is_the_arithmetic_that_is_counted(length, keep):
    problem = problem_of(length, keep)
    assert counted(problem) == MonarchFrequencySparseConv().work(problem).flop


def test_rows_are_kept_for_low_frequencies_and_their_mirror_images():
    assert kept_rows((4, 8), 17) == tuple(range(8))
    assert kept_rows((4, 8), 5) == (0, 1, 7)
    assert kept_rows((4, 8), 1) == (0,)


def test_lengths_with_a_large_prime_are_left_to_the_fft():
    prime = 257
    assert prime > LARGEST_FACTOR
    assert sparse_factors(2 * prime, 10) == ()
    x, kernel = drawn(1, 1, prime), drawn(1, prime, seed=1)
    assert_close(frequency_sparse_conv(x, kernel, 10), masked(x, kernel, 10, 2 * prime))
    with pytest.raises(NoPlanError, match="needs n as a product of 2 to 4 factors up to 256, got n = 514"):
        frequency_sparse_conv(x, kernel, 10, algorithm="monarch")


def test_an_empty_batch_gives_an_empty_result():
    assert frequency_sparse_conv(torch.zeros(0, 3, 8), torch.zeros(3, 8), 4).shape == (0, 3, 8)


REFUSED = {
    "no bin": ((2, 3, 8), (3, 8), {"keep": 0}, ArgumentError, "from 1 to n // 2 \\+ 1 = 9, got 0"),
    "too many bins": ((2, 3, 8), (3, 8), {"keep": 10}, ArgumentError, "= 9, got 10"),
    "a short transform": ((2, 3, 8), (3, 12), {"keep": 2, "n": 11}, ArgumentError, "K = 12, got 11"),
    "other channels": ((2, 3, 8), (4, 8), {"keep": 2}, ShapeError, "expected x \\(B, C, L\\)"),
    "no samples": ((2, 3, 0), (3, 8), {"keep": 2}, ShapeError, "L = 0"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_computed_is_refused(name):
    x, kernel, options, error, words = REFUSED[name]
    with pytest.raises(error, match=words):
        frequency_sparse_conv(torch.zeros(x), torch.zeros(kernel), **options)


def test_two_dtypes_are_refused():
    with pytest.raises(DtypeError, match="float64"):
        frequency_sparse_conv(torch.zeros(1, 1, 4), torch.zeros(1, 4, dtype=torch.float64), 2)
