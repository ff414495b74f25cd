"""The lowest frequencies are those of the whole transform, and a signal is made of them alone."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from circulant.algorithms.algorithm import AlgorithmName
from circulant.core.errors import ShapeError
from circulant.core.tolerances import RELATIVE, assert_close
from circulant.engine.choice import Choice
from circulant.engine.low_frequencies import from_low_frequencies, low_frequencies
from circulant.engine.planner import plan
from circulant.engine.transform import rfftn
from circulant.problems.low_frequencies import LowFrequenciesProblem
from circulant.problems.transform import TransformKind

CASES = [((9,), (4,)), ((8,), (5,)), ((8, 9), (3, 4)), ((5, 8), (2, 5)), ((6, 4, 8), (2, 2, 3))]


def drawn(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def kept(modes):
    return (*(2 * m for m in modes[:-1]), modes[-1])


@pytest.mark.parametrize(("sizes", "modes"), CASES)
def test_they_are_the_corners_of_the_whole_spectrum(sizes, modes):
    x = drawn(2, 3, *sizes)
    expected = rfftn(x, len(sizes))[..., : modes[-1], :]
    for axis, m in enumerate(modes[:-1], 2):
        ends = [*range(m), *range(-m, 0)]
        expected = expected.index_select(axis, torch.tensor(ends) % sizes[axis - 2])
    assert_close(low_frequencies(x, modes), expected, 1e-13)


@pytest.mark.parametrize(("sizes", "modes"), CASES)
def test_a_signal_of_low_frequencies_comes_back_from_them(sizes, modes):
    bins = drawn(2, 3, *kept(modes), 2)
    for axis, m in enumerate(modes[:-1], 2):
        bins.select(axis, m).zero_()  # frequency -m, whose mirror image m is not kept
    smooth = from_low_frequencies(bins, modes, sizes)
    assert smooth.abs().max() > 0.01
    assert_close(from_low_frequencies(low_frequencies(smooth, modes), modes, sizes), smooth, 1e-13)


@pytest.mark.parametrize(("sizes", "modes"), CASES)
def test_derivatives_of_first_and_second_order_are_exact(sizes, modes):
    x, bins = drawn(2, *sizes).requires_grad_(), drawn(2, *kept(modes), 2).requires_grad_()
    for function, operand in (
        (lambda x: low_frequencies(x, modes).square(), x),
        (lambda z: from_low_frequencies(z, modes, sizes).square(), bins),
    ):
        assert gradcheck(function, operand)
        assert gradgradcheck(function, operand)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    x = drawn(2, 3, 8, 6)
    got = low_frequencies(x.to(dtype), (3, 2))
    assert got.dtype == dtype
    assert_close(got, low_frequencies(x, (3, 2)), RELATIVE[dtype])


def test_examples_map():
    x = drawn(4, 3, 8, 6)
    got = torch.func.vmap(lambda part: low_frequencies(part, (3, 2)), in_dims=1)(x)
    assert_close(got, low_frequencies(x.movedim(1, 0), (3, 2)), 1e-14)


def test_the_operator_passes_the_checks_of_torch():
    op = torch.ops.circulant.low_frequencies.default
    torch.library.opcheck(op, (drawn(2, 6, 8).requires_grad_(), "rfft", [6, 8], [2, 3]))


def test_both_ways_are_planned_and_may_be_asked_for():
    problem = LowFrequenciesProblem(torch.float32, TransformKind.RFFT, 8, (64, 64), (12, 12))
    for name in (AlgorithmName.FFT, AlgorithmName.DFT_MATRIX):
        assert plan(problem, Choice(algorithm=name)).chosen.algorithm.name is name


@pytest.mark.parametrize("modes", [(3, 3), (0, 2), (2, 5), (2,), (2, 2, 2)])
def test_modes_without_room_are_refused(modes):
    with pytest.raises(ShapeError, match="modes"):
        from_low_frequencies(drawn(2, *kept(modes), 2), modes, (5, 7))
