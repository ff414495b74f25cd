"""What an algorithm must answer before it may run. It computes nothing itself: backends do."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Generic, TypeVar

import torch

from circulant.problems.problem import Problem

P = TypeVar("P", bound=Problem)

UNIT_ROUNDOFF = {
    torch.float64: 2.0**-53,
    torch.float32: 2.0**-24,
    torch.float16: 2.0**-11,
    torch.bfloat16: 2.0**-8,
}


class AlgorithmName(Enum):
    """The words by which a caller may insist on an algorithm."""

    DIRECT = "direct"
    CHANNELS_LAST = "channels_last"
    IM2COL = "im2col"
    IM2WIN = "im2win"
    SLIDING_WINDOW = "sliding_window"
    WINOGRAD = "winograd"
    BLOCK_FUSION = "block_fusion"
    FFT = "fft"
    OVERLAP_SAVE = "overlap_save"
    MONARCH = "monarch"
    DFT_MATRIX = "dft_matrix"
    SUBSTITUTION = "substitution"
    WAVEFRONT = "wavefront"
    SEQUENTIAL = "sequential"
    SCAN = "scan"
    CHUNKED = "chunked"


@dataclass(frozen=True, slots=True)
class Rejected:
    reason: str


@dataclass(frozen=True, slots=True)
class Work:
    """What a run takes: arithmetic, traffic, memory besides operands and result, and rounding errors."""

    flop: float
    byte: float
    workspace_byte: float  # however many threads there are
    error_growth: float  # relative L2 error expected, in units of the dtype's roundoff
    thread_byte: float = 0.0  # more workspace for each thread

    def workspace(self, threads: int) -> float:
        """Bytes with so many threads, at most: a small problem keeps some of them idle."""
        return self.workspace_byte + threads * self.thread_byte

    def error(self, dtype: torch.dtype) -> float:
        return self.error_growth * UNIT_ROUNDOFF[dtype]


class Algorithm(ABC, Generic[P]):
    """Abstract. One algorithm for one kind of problem."""

    name: ClassVar[AlgorithmName]

    @abstractmethod
    def rejects(self, problem: P) -> Rejected | None:
        """Why the algorithm cannot solve this problem, or None."""

    @abstractmethod
    def work(self, problem: P) -> Work: ...
