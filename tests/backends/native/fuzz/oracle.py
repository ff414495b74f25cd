"""What a problem's result is in float64, by code that shares nothing with the core."""

import sys
import zlib
from collections.abc import Sequence

import torch
from torch import Tensor

from circulant.backends.table import IMPLEMENTATIONS, Backend
from circulant.core.sizes import product
from circulant.engine.example_operands import example_operands
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.frequency_sparse_conv import FrequencySparseConvProblem
from circulant.problems.gathered_conv import GatheredConvProblem
from circulant.problems.inverse_conv import InverseConvProblem
from circulant.problems.local_conv import LocalConvProblem
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.pooling import PoolingProblem
from circulant.problems.problem import Problem
from circulant.problems.recurrence import RecurrenceProblem
from circulant.problems.sampled_conv import SampledConvProblem
from circulant.problems.selective_scan import SelectiveScanProblem

MOST_STEPS = 150  # of Python; a longer reference gives way to the torch backend in float64
FRACTION = 32  # offsets are multiples of 1 / 32: exact in every dtype, so that all agree on the sample below


def expected(problem: Problem, operands: Sequence[Tensor]) -> Tensor:
    wide = [operand.double() if operand.is_floating_point() else operand for operand in operands]
    if reference_steps(problem) <= MOST_STEPS:
        return sys.modules[type(problem).__module__].reference(problem, *wide)
    rows = (row for row in IMPLEMENTATIONS if row.problem is type(problem))
    run = next(row.run for row in rows if row.backend is Backend.TORCH)
    return run(in_float64(problem), *wide)


def in_float64(problem: Problem) -> Problem:
    """The same sizes."""
    fields = {name: getattr(problem, name) for name in problem.__dataclass_fields__}
    if "window" in fields:
        fields["window"] = in_float64(fields["window"])
    return type(problem)(**{**fields, "dtype": torch.float64})


def reference_steps(problem: Problem) -> int:
    """About how often the slow reference goes through Python, where that grows with the problem."""
    counted = STEPS.get(type(problem))
    return 0 if counted is None else counted(problem)  # 0: in whole tensors, or step by step along one axis


def _sampled_steps(problem: SampledConvProblem) -> int:
    window = problem.window
    return product(window.output_shape) * product(window.kernel) * 2**window.ndim


STEPS = {
    ConvolutionProblem: lambda p: product(p.kernel),
    LongConvProblem: lambda p: p.kernel // 2,
    FrequencySparseConvProblem: lambda p: p.kernel + p.keep,
    LocalConvProblem: lambda p: p.window.in_channels * product(p.window.kernel),
    SampledConvProblem: _sampled_steps,
    GatheredConvProblem: lambda p: p.outputs * p.taps * p.groups,
    PoolingProblem: lambda p: product(p.output_spatial),
    InverseConvProblem: lambda p: product(p.spatial) * product(p.kernel) * p.channels**2,
}


def operands_of(problem: Problem) -> tuple[Tensor, ...]:
    """Random, the same for the same problem, and such that no result outgrows its dtype."""
    operands = example_operands(problem, seed=zlib.crc32(repr(problem).encode()))
    match problem:
        case SampledConvProblem():
            x, offset, *rest = operands
            return x, (offset.double() * FRACTION).round().div(FRACTION).to(problem.dtype), *rest
        case InverseConvProblem():
            first, weight = operands
            return first, weight / (problem.channels * product(problem.kernel)) ** 0.5 / 2
        case RecurrenceProblem():
            a, *rest = operands
            return a.double().clamp(-1, 1).mul(0.7 if problem.is_complex else 1).to(problem.dtype), *rest
        case SelectiveScanProblem():
            u, delta, A, *rest = operands
            return u, delta.abs(), -A.abs(), *rest
    return operands
