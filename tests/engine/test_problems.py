"""Every implementation in the table solves its problem as the problem's own reference does."""

import sys
from dataclasses import replace

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from circulant.algorithms.algorithm import AlgorithmName
from circulant.algorithms.fft import FusedFFTDepthwise
from circulant.algorithms.overlap_save import FusedOverlapSaveLongConv
from circulant.backends.table import IMPLEMENTATIONS, Backend
from circulant.core.tolerances import RELATIVE, assert_close
from circulant.engine.example_operands import example_operands
from circulant.problems.conv_first_block import BlockActivation, ConvFirstBlockProblem
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.frequency_sparse_conv import FrequencySparseConvProblem
from circulant.problems.gathered_conv import GatheredConvProblem
from circulant.problems.inverse_conv import InverseConvProblem
from circulant.problems.local_conv import LocalConvProblem
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.pooling import PoolingProblem, PoolMode
from circulant.problems.recurrence import RecurrenceProblem
from circulant.problems.sampled_conv import SampledConvProblem, SampledResult
from circulant.problems.selective_scan import SelectiveScanProblem
from circulant.problems.transform import TransformKind, TransformProblem
from circulant.problems.trilinear import OPERANDS, Slot

SLOTS = st.sampled_from(list(Slot))
DTYPES = st.sampled_from([torch.float64, torch.float64, torch.float32])


@pytest.fixture(autouse=True)
def _one_thread():
    """The problems are tiny: waking a second thread takes longer than solving them."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@st.composite
def convolution_problems(draw, channels=((1, 1), (1, 1), (2, 1), (1, 2), (2, 3))):
    """channels: those of a group, in and out, to draw from."""
    ndim = draw(st.integers(1, 3))

    def each(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(ndim))

    groups, per_group = draw(st.integers(1, 3)), draw(st.sampled_from(channels))
    problem = ConvolutionProblem(
        draw(DTYPES), draw(SLOTS), draw(st.integers(1, 2)), groups * per_group[0], groups * per_group[1],
        each(1, 9 - 2 * ndim), each(1, 3), each(1, 3), tuple(zip(each(0, 3), each(0, 3))), each(1, 2), groups,
    )  # fmt: skip
    assume(min(problem.output_spatial) >= 1)
    return problem


@st.composite
def long_conv_problems(draw, lengths=(1, 40), longest=80):
    length, circular = draw(st.integers(*lengths)), draw(st.booleans())
    shift = 0 if circular else draw(st.integers(0, min(length, longest) - 1))
    kernel = draw(st.integers(shift + 1, min(length + shift, longest)))
    sizes = draw(st.integers(1, 3)), draw(st.integers(1, 3)), length
    return LongConvProblem(draw(DTYPES), draw(SLOTS), *sizes, kernel, shift, circular)


@st.composite
def frequency_sparse_problems(draw):
    length, kernel = draw(st.integers(1, 24)), draw(st.integers(1, 24))
    n = draw(st.integers(max(length, kernel, 2), 48))
    sizes = draw(st.integers(1, 3)), draw(st.integers(1, 3)), length
    keep = draw(st.integers(1, n // 2 + 1))
    return FrequencySparseConvProblem(draw(DTYPES), draw(SLOTS), *sizes, kernel, n, keep)


@st.composite
def local_conv_problems(draw):
    window = draw(convolution_problems([(1, 1)]))
    divisors = [n for n in range(1, window.in_channels + 1) if window.in_channels % n == 0]
    return LocalConvProblem(window.dtype, window.slot, draw(st.sampled_from(divisors)), window)


@st.composite
def sampled_conv_problems(draw):
    problem = draw(local_conv_problems())
    assume(problem.window.ndim < 3)  # the reference visits one value at a time
    window = problem.window.for_slot(Slot.OUTPUT)
    return SampledConvProblem(window.dtype, problem.groups, window, draw(st.sampled_from(SampledResult)))


@st.composite
def gathered_conv_problems(draw):
    groups, ins, outs = draw(st.sampled_from([(1, 1, 1), (5, 1, 1), (1, 3, 2), (2, 2, 1), (2, 1, 3)]))
    places, outputs, taps = draw(st.integers(1, 20)), draw(st.integers(1, 40)), draw(st.integers(1, 6))
    channels = groups * ins, groups * outs
    return GatheredConvProblem(
        draw(DTYPES), draw(SLOTS), draw(st.integers(1, 2)), *channels, places, outputs, taps, groups
    )


@st.composite
def pooling_problems(draw):
    window = draw(convolution_problems([(1, 1)]))
    assume(window.ndim < 3)
    padding = tuple(draw(st.integers(0, k // 2)) for k in window.kernel)
    problem = PoolingProblem(
        window.dtype, draw(st.sampled_from(PoolMode)), window.batch, window.in_channels, window.spatial,
        window.kernel, window.stride, padding,
    )  # fmt: skip
    assume(min(problem.output_spatial) >= 1)
    return problem


@st.composite
def conv_first_block_problems(draw):
    groups, spatial = draw(st.integers(1, 3)), (draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    sizes = draw(st.integers(1, 2)), groups * draw(st.integers(1, 2)), spatial
    kernel, expanded = draw(st.sampled_from([1, 3, 5])), draw(st.integers(1, 9))
    activation = draw(st.sampled_from(BlockActivation))
    return ConvFirstBlockProblem(draw(DTYPES), activation, *sizes, kernel, groups, expanded)


@st.composite
def transform_problems(draw):
    kind = draw(st.sampled_from(list(TransformKind)))
    return TransformProblem(draw(DTYPES), kind, draw(st.integers(1, 3)), draw(st.integers(1, 40)))


@st.composite
def inverse_conv_problems(draw):
    ndim = draw(st.integers(1, 3))
    spatial, kernel = (tuple(draw(st.integers(1, most)) for _ in range(ndim)) for most in (12 - 3 * ndim, 3))
    sizes = draw(st.integers(1, 3)), draw(st.sampled_from([1, 2, 3, 6]))
    problem = InverseConvProblem(draw(DTYPES), *sizes, spatial, kernel, draw(st.booleans()))
    assume(problem.flop > 0)  # else nothing is left to solve
    return problem


@st.composite
def recurrence_problems(draw):
    sizes = draw(st.integers(1, 3)), draw(st.integers(1, 7)), draw(st.integers(1, 80))
    adjoint = draw(st.booleans())
    starts = not adjoint and draw(st.booleans())
    return RecurrenceProblem(draw(DTYPES), *sizes, draw(st.booleans()), draw(st.booleans()), starts, adjoint)


@st.composite
def selective_scan_problems(draw):
    groups, per_group = draw(st.sampled_from([(1, 1), (1, 5), (2, 3), (3, 1)]))
    sizes = groups * per_group, groups, draw(st.integers(1, 4)), draw(st.integers(1, 40))
    return SelectiveScanProblem(draw(DTYPES), draw(st.integers(1, 2)), *sizes, draw(st.booleans()))


PROBLEMS = {
    ConvFirstBlockProblem: conv_first_block_problems(),
    ConvolutionProblem: convolution_problems(),
    LongConvProblem: long_conv_problems(),
    FrequencySparseConvProblem: frequency_sparse_problems(),
    LocalConvProblem: local_conv_problems(),
    PoolingProblem: pooling_problems(),
    SampledConvProblem: sampled_conv_problems(),
    GatheredConvProblem: gathered_conv_problems(),
    TransformProblem: transform_problems(),
    InverseConvProblem: inverse_conv_problems(),
    RecurrenceProblem: recurrence_problems(),
    SelectiveScanProblem: selective_scan_problems(),
}


@st.composite
def plain_3x3_problems(draw):
    ones = (1, 1)
    drawn = draw(PROBLEMS[ConvolutionProblem].filter(lambda p: p.ndim == 2 and p.slot is not Slot.KERNEL))
    problem = replace(
        drawn, kernel=(3, 3), stride=ones, dilation=ones, groups=1, spatial=draw(st.tuples(SIZES, SIZES))
    )
    assume(min(problem.output_spatial) >= 1)
    return problem


SIZES = st.integers(1, 20)
FORWARD_IN_PLANES = (AlgorithmName.SLIDING_WINDOW, AlgorithmName.IM2WIN)


def problems_for(row):
    """Problems that the implementation is likely to accept."""
    if row.problem is ConvolutionProblem and row.algorithm.name in FORWARD_IN_PLANES:
        return PROBLEMS[row.problem].filter(lambda p: p.ndim < 3).map(lambda p: p.for_slot(Slot.OUTPUT))
    if row.algorithm.name is AlgorithmName.WINOGRAD:
        return plain_3x3_problems()
    if isinstance(row.algorithm, FusedFFTDepthwise):
        return convolution_problems([(1, 1)])
    if row.problem is ConvolutionProblem and row.backend is Backend.NATIVE:
        return convolution_problems([(1, 1), (1, 2)])
    if isinstance(row.algorithm, FusedOverlapSaveLongConv):
        return long_conv_problems((513, 1500), longest=40)
    return PROBLEMS[row.problem]


def reference(problem, *operands):
    return sys.modules[type(problem).__module__].reference(problem, *operands)


def operands_of(problem):
    return example_operands(problem, seed=hash(repr(problem)) % 2**31)


def _wide(operand):
    return operand.double() if operand.is_floating_point() else operand


def test_there_are_drawn_problems_for_every_row_of_the_table():
    assert {row.problem for row in IMPLEMENTATIONS} == set(PROBLEMS)


@pytest.mark.parametrize("row", IMPLEMENTATIONS, ids=lambda row: f"{row.problem.__name__}, {row}")
def test_an_implementation_agrees_with_the_reference_of_its_problem(row):
    @settings(max_examples=60)
    @given(problems_for(row))
    def agrees(problem):
        assume(row.algorithm.rejects(problem) is None)
        operands = operands_of(problem)
        copies = [operand.clone() for operand in operands]
        got = row.run(problem, *operands)
        expected = reference(problem, *(_wide(operand) for operand in operands))
        assert got.dtype == problem.dtype
        assert_close(got, expected, RELATIVE[problem.dtype], what=str(problem))
        assert all(torch.equal(operand, copy) for operand, copy in zip(operands, copies))

    agrees()


@pytest.mark.parametrize(
    "kind",
    [ConvolutionProblem, LongConvProblem, FrequencySparseConvProblem, LocalConvProblem],
    ids=lambda k: k.__name__
)
def test_the_three_slots_of_a_reference_are_one_trilinear_form(kind):
    @settings(max_examples=60)
    @given(PROBLEMS[kind])
    def agree(problem):
        shapes = problem.slot_shapes
        generator = torch.Generator().manual_seed(1)
        values = {slot: torch.randn(shapes[slot], dtype=torch.float64, generator=generator) for slot in Slot}
        sums = []
        for slot in Slot:
            operands = (values[operand] for operand in OPERANDS[slot])
            sums.append((reference(problem.for_slot(slot), *operands) * values[slot]).sum())
        scale = max(value.abs().sum() for value in values.values())
        assert max(sums) - min(sums) <= 1e-12 * scale * values[Slot.KERNEL].abs().sum()

    agree()


@pytest.mark.parametrize("kind", list(TransformKind), ids=lambda kind: kind.value)
@pytest.mark.parametrize("n", [1, 2, 7, 12])
def test_a_transform_and_its_adjoint_give_one_scalar_product(kind, n):
    forward = TransformProblem(torch.float64, kind, 2, n)
    backward = TransformProblem(torch.float64, kind.adjoint, 2, n)
    x, y = (
        torch.randn(shape, dtype=torch.float64) for shape in (*forward.operand_shapes, forward.result_shape)
    )
    assert_close((reference(forward, x) * y).sum(), (x * reference(backward, y)).sum())


@settings(max_examples=50)
@given(st.sampled_from(list(PROBLEMS)).flatmap(PROBLEMS.get))
def test_problems_are_hashable_and_read_as_one_line(problem):
    assert hash(problem) == hash(
        type(problem)(**{f: getattr(problem, f) for f in problem.__dataclass_fields__})
    )
    assert len(str(problem).splitlines()) == 1
    assert problem.flop > 0 or 1 in {getattr(problem, "n", 0)}
    assert problem.io_byte > 0
