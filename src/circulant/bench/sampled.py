"""The convolutions of sampled_problems.csv, drawn once and then fixed, and what must hold on each."""

import csv
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from circulant.bench.cells import record_of
from circulant.bench.contestant import Layout
from circulant.bench.settings import Malloc
from circulant.core.sizes import Shape

LONG_CALL = 200e-6  # seconds of torch's call from which the ratio counts, and below which the difference
LARGEST_RATIO = 1.03
LARGEST_OVERHEAD = 15e-6  # seconds


@dataclass(frozen=True, slots=True)
class SampledProblem:
    """One convolution; size, kernel, stride, dilation and padding hold for every axis."""

    ndim: int
    kind: str
    batch: int
    in_channels: int
    out_channels: int
    groups: int
    size: int
    kernel: int
    stride: int
    dilation: int
    padding: int

    @property
    def input_shape(self) -> Shape:
        return (self.batch, self.in_channels, *(self.size,) * self.ndim)

    @property
    def weight_shape(self) -> Shape:
        return (self.out_channels, self.in_channels // self.groups, *(self.kernel,) * self.ndim)


@dataclass(frozen=True, slots=True)
class SampledRow:
    """One problem as measured: times in seconds, ratios of ours to torch's, paired by rounds.

    layout: the one in which torch is fastest. ratio is for the same tensors, in that layout, given to
    both, and computed in that way by ours; contiguous_ratio for contiguous tensors given to ours.
    *_low: lower 95 % bounds.
    """

    number: int
    problem: str
    malloc: Malloc
    threads: int
    isa: str
    layout: Layout
    way: str
    torch_seconds: float
    seconds: float
    pairs: int
    ratio: float
    ratio_low: float
    overhead: float
    contiguous_ratio: float
    contiguous_low: float
    contiguous_overhead: float
    error: float
    fault: str
    others: float
    contended: bool
    circulant: str
    torch: str
    processor: str
    date: str

    @property
    def is_violation(self) -> bool:
        """Slower on the same tensors, or wrong."""
        return bool(self.fault) or self._is_slower(self.ratio_low, self.overhead)

    @property
    def is_contiguous_violation(self) -> bool:
        """Slower when ours gets contiguous tensors and torch those of its best layout."""
        return bool(self.fault) or self._is_slower(self.contiguous_low, self.contiguous_overhead)

    def _is_slower(self, ratio_low: float, overhead: float) -> bool:
        if self.torch_seconds > LONG_CALL:
            return ratio_low > LARGEST_RATIO
        return overhead > LARGEST_OVERHEAD


SampledKey = tuple[int, Malloc, int, str]


def sampled_key(row: SampledRow) -> SampledKey:
    return row.number, row.malloc, row.threads, row.isa


@lru_cache(maxsize=1)
def sampled_problems() -> tuple[SampledProblem, ...]:
    text = files("circulant.bench").joinpath("sampled_problems.csv").read_text(encoding="utf-8")
    return tuple(record_of(SampledProblem, line) for line in csv.DictReader(text.splitlines()))
