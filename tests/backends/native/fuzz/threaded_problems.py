"""For every native row a problem that is worth four threads, its operands, and what its kernel answers."""

import torch
from tests.backends.native.fuzz.oracle import operands_of
from tests.backends.native.fuzz.targets import NATIVE
from torch import Tensor

from circulant.backends.table import Implementation
from circulant.problems.conv_first_block import BlockActivation, ConvFirstBlockProblem
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.delta_solve import DeltaSolveProblem
from circulant.problems.frequency_sparse_conv import FrequencySparseConvProblem
from circulant.problems.gathered_conv import GatheredConvProblem
from circulant.problems.inverse_conv import InverseConvProblem
from circulant.problems.linear_attention import Decay, LinearAttentionProblem
from circulant.problems.local_conv import LocalConvProblem
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.low_frequencies import LowFrequenciesProblem
from circulant.problems.pooling import PoolingProblem, PoolMode
from circulant.problems.problem import Problem
from circulant.problems.recurrence import RecurrenceProblem
from circulant.problems.sampled_conv import SampledConvProblem
from circulant.problems.selective_scan import SelectiveScanProblem
from circulant.problems.spectral_filter import SpectralFilterProblem
from circulant.problems.transform import TransformKind, TransformProblem
from circulant.problems.trilinear import Slot

F32, ONES, AROUND = torch.float32, (1, 1), ((1, 1), (1, 1))
DEPTHWISE = ConvolutionProblem(F32, Slot.OUTPUT, 4, 24, 24, (45, 45), (5, 5), ONES, AROUND, ONES, 24)
CANDIDATES: tuple[Problem, ...] = (
    ConvolutionProblem(F32, Slot.OUTPUT, 4, 16, 16, (40, 40), (3, 3), ONES, AROUND, ONES, 1),
    DEPTHWISE,
    LongConvProblem(F32, Slot.OUTPUT, 2, 8, 6000, 100, 0, False),
    # torch masks the kernel here: a short one, since threads that torch starts do not survive a fork
    FrequencySparseConvProblem(F32, Slot.OUTPUT, 64, 1, 400, 300, 800, 100),
    TransformProblem(F32, TransformKind.RFFT, 64, (40, 36)),
    SpectralFilterProblem(F32, Slot.OUTPUT, 4, 16, (40, 36), False),
    LowFrequenciesProblem(F32, TransformKind.RFFT, 64, (40, 36), (8, 9)),
    LocalConvProblem(F32, Slot.OUTPUT, 3, DEPTHWISE),
    SampledConvProblem(F32, 3, DEPTHWISE),
    GatheredConvProblem(F32, Slot.OUTPUT, 4, 32, 32, 1000, 1500, 9, 32),
    ConvFirstBlockProblem(F32, BlockActivation.SILU, 4, 16, (40, 40), 3, 4, 32),
    PoolingProblem(F32, PoolMode.MAX, 4, 40, (60, 60), (3, 3), ONES, (1, 1)),
    InverseConvProblem(F32, 8, 6, (40, 40), (3, 3), False),
    RecurrenceProblem(F32, 4, 64, 3000, True, True, True, False),
    SelectiveScanProblem(F32, 2, 24, 2, 16, 600, False),
    LinearAttentionProblem(F32, 2, 6, 500, 32, 40, Decay.KEY, True),
    DeltaSolveProblem(F32, 2, 6, 500, 32, 40, Decay.STEP, True),
)


def problem_for(row: Implementation) -> Problem:
    """The first that the row takes."""
    fitting = (problem for problem in CANDIDATES if type(problem) is row.problem)
    return next(problem for problem in fitting if row.algorithm.rejects(problem) is None)


def operands_for_all() -> list[tuple[Tensor, ...]]:
    return [operands_of(problem_for(row)) for row in NATIVE]


def answers(operands: list[tuple[Tensor, ...]]) -> list[bytes]:
    """The result of every native row; nothing here needs torch's own threads."""
    return [answer(row, given) for row, given in zip(NATIVE, operands, strict=True)]


def answer(row: Implementation, operands: tuple[Tensor, ...]) -> bytes:
    return row.run(problem_for(row), *operands).numpy().tobytes()
