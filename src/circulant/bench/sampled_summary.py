"""What the sampled run says: how many convolutions are slower than torch's own call, and the worst."""

from collections.abc import Sequence
from dataclasses import dataclass

from circulant.bench.sampled import LARGEST_OVERHEAD, LARGEST_RATIO, LONG_CALL, SampledRow
from circulant.bench.settings import Malloc


@dataclass(frozen=True, slots=True)
class SampledSummary:
    """rows of one setting; problems: how many there are to measure."""

    rows: tuple[SampledRow, ...]
    problems: int

    @property
    def violations(self) -> tuple[SampledRow, ...]:
        return tuple(row for row in self.rows if row.is_violation)

    @property
    def contiguous_violations(self) -> tuple[SampledRow, ...]:
        return tuple(row for row in self.rows if row.is_contiguous_violation)

    @property
    def wrong(self) -> tuple[SampledRow, ...]:
        return tuple(row for row in self.rows if row.fault)

    @property
    def worst(self) -> SampledRow | None:
        """By the lower bound of the ratio, among the calls long enough for it to count."""
        long = [row for row in self.rows if not row.fault and row.torch_seconds > LONG_CALL]
        return max(long, key=lambda row: row.ratio_low, default=None)

    @property
    def worst_overhead(self) -> SampledRow | None:
        short = [row for row in self.rows if not row.fault and row.torch_seconds <= LONG_CALL]
        return max(short, key=lambda row: row.overhead, default=None)

    def lines(self) -> list[str]:
        """Plain words, the verdict first."""
        limits = f"{LARGEST_RATIO} times; {LARGEST_OVERHEAD * 1e6:.0f} µs below {LONG_CALL * 1e6:.0f} µs"
        said = [
            f"{len(self.violations)} of {len(self.rows)} samples are slower than torch ({limits})",
            f"{len(self.contiguous_violations)} are, if ours gets contiguous tensors in any case",
            f"{len(self.wrong)} are wrong; {sum(row.contended for row in self.rows)} were disturbed",
        ]
        if len(self.rows) < self.problems:
            said.append(f"{self.problems - len(self.rows)} of {self.problems} are not measured yet")
        if (worst := self.worst) is not None:
            ratio = f"{worst.ratio:.2f} (at least {worst.ratio_low:.2f})"
            said.append(f"largest ratio {ratio}: {worst.problem}; {worst.way}")
        if (worst := self.worst_overhead) is not None:
            said.append(f"largest overhead {worst.overhead * 1e6:.1f} µs: {worst.problem}; {worst.way}")
        return said


def summarise_sampled(
    rows: Sequence[SampledRow], malloc: Malloc, threads: int, isa: str, problems: int
) -> SampledSummary:
    """rows of any settings; those of this one count."""
    own = tuple(row for row in rows if (row.malloc, row.threads, row.isa) == (malloc, threads, isa))
    return SampledSummary(own, problems)
