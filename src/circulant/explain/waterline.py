r"""Where the time of a sequence of kernels goes: waterlines, and the gap between ideal and real time.

A kernel of F operations and M bytes takes, at best, the longer of its arithmetic F / peak and its memory
time M / bandwidth. Over a block these bounds add up: kernels run one after another, so that arithmetic
saved in one that waits for memory saves nothing. The waterline of a block is that sum; fusing the kernels
lowers it, as the bytes between them go away. Efficiency is ideal over real time,

    efficiency = operations / (peak seconds),   so that   seconds = operations / (peak efficiency).

Lavin, 2024, On the Efficiency of Convolutional Neural Networks, https://arxiv.org/abs/2404.03617.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError


@final
@dataclass(frozen=True, slots=True)
class Peak:
    """The limits of a machine."""

    flop_per_s: float
    byte_per_s: float

    @property
    def flop_per_byte(self) -> float:
        """Intensity from which on arithmetic is the limit."""
        return self.flop_per_s / self.byte_per_s


@final
@dataclass(frozen=True, slots=True)
class Kernel:
    """One step of a sequence, with the operations and bytes that it cannot do without."""

    name: str
    cost: Cost

    @property
    def flop_per_byte(self) -> float:
        return self.cost.flop / self.cost.byte


@final
@dataclass(frozen=True, slots=True)
class Waterline:
    """Seconds that a sequence takes at least, of its kernels in order."""

    kernels: tuple[Kernel, ...]
    seconds: tuple[float, ...]
    peak: Peak

    @property
    def flop(self) -> float:
        return sum(kernel.cost.flop for kernel in self.kernels)

    @property
    def total_seconds(self) -> float:
        return sum(self.seconds)

    @property
    def largest_efficiency(self) -> float:
        """What no measured time of these kernels can exceed."""
        return efficiency(self.flop, self.total_seconds, self.peak)

    @property
    def waits_for_memory(self) -> tuple[bool, ...]:
        return tuple(kernel.flop_per_byte < self.peak.flop_per_byte for kernel in self.kernels)


@final
@dataclass(frozen=True, slots=True)
class EfficiencyGap:
    """Seconds that all operations would take at the peak, and those that they take."""

    ideal_seconds: float
    seconds: float

    @property
    def efficiency(self) -> float:
        return self.ideal_seconds / self.seconds

    @property
    def lost_seconds(self) -> float:
        return self.seconds - self.ideal_seconds


def waterline(kernels: Sequence[Kernel], peak: Peak) -> Waterline:
    """The bound of each kernel: the longer of its arithmetic and its memory time."""
    _require_positive("flop_per_s and byte_per_s", peak.flop_per_s, peak.byte_per_s)
    _require_positive("bytes moved by each kernel", *(kernel.cost.byte for kernel in kernels))
    seconds = tuple(
        max(kernel.cost.flop / peak.flop_per_s, kernel.cost.byte / peak.byte_per_s) for kernel in kernels
    )
    return Waterline(tuple(kernels), seconds, peak)


def efficiency(flop: float, seconds: float, peak: Peak) -> float:
    """The share of the peak that was reached."""
    _require_positive("seconds and flop_per_s", seconds, peak.flop_per_s)
    return flop / (peak.flop_per_s * seconds)


def efficiency_gap(flop: float, seconds: float, peak: Peak) -> EfficiencyGap:
    """Ideal and real time of so many operations."""
    _require_positive("seconds and flop_per_s", seconds, peak.flop_per_s)
    return EfficiencyGap(flop / peak.flop_per_s, seconds)


def _require_positive(name: str, *values: float) -> None:
    if any(value <= 0 for value in values):
        raise ArgumentError(f"expected {name} above 0, got {values}; measure or count them first")
