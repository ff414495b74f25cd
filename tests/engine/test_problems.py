"""Every implementation in the table solves its problem as the problem's own reference does."""

import sys
import zlib

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.engine.drawn_problems import STRATEGIES, problems_for

from circulant.backends.table import IMPLEMENTATIONS
from circulant.core.tolerances import RELATIVE, assert_close
from circulant.engine.example_operands import example_operands
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.frequency_sparse_conv import FrequencySparseConvProblem
from circulant.problems.local_conv import LocalConvProblem
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.transform import TransformKind, TransformProblem
from circulant.problems.trilinear import OPERANDS, Slot


@pytest.fixture(autouse=True)
def _one_thread():
    """The problems are tiny: waking a second thread takes longer than solving them."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


PROBLEMS = {kind: problems() for kind, problems in STRATEGIES.items()}


def reference(problem, *operands):
    return sys.modules[type(problem).__module__].reference(problem, *operands)


def operands_of(problem):
    return example_operands(problem, seed=zlib.crc32(repr(problem).encode()))


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
    ids=lambda k: k.__name__,
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
@pytest.mark.parametrize("sizes", [(1,), (2,), (7,), (12,), (4, 6), (5, 3), (2, 3, 4)], ids=str)
def test_a_transform_and_its_adjoint_give_one_scalar_product(kind, sizes):
    forward = TransformProblem(torch.float64, kind, 2, sizes)
    backward = TransformProblem(torch.float64, kind.adjoint, 2, sizes)
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
    assert problem.flop > 0 or max(getattr(problem, "sizes", (getattr(problem, "n", 0),))) == 1
    assert problem.io_byte > 0
