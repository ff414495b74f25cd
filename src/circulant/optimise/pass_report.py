"""What became of one pass."""

from dataclasses import asdict, dataclass
from enum import Enum
from math import isnan, nan
from typing import Any, final

from circulant.measuring.order_statistics import Interval
from circulant.optimise.measure_rewrite import Race


@final
class Outcome(Enum):
    KEPT = "kept"
    NO_GAIN = "no gain"
    WRONG = "wrong"
    REFUSED = "refused"


@final
@dataclass(frozen=True, slots=True)
class Worth:
    """Before and after; accuracy nan where no labelled data was given."""

    race: Race
    parameter_byte: tuple[int, int]
    peak_byte: tuple[int, int]
    accuracy: tuple[float, float] = (nan, nan)


@final
@dataclass(frozen=True, slots=True)
class PassReport:
    """words: what changed, or why it is not kept. Errors are nan where nothing was compared."""

    name: str
    is_exact: bool
    outcome: Outcome
    words: str
    error_float32: float = nan
    error_float64: float = nan
    worth: Worth | None = None  # on top of what was kept
    alone: Race | None = None

    def fields(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "exact": self.is_exact,
            "outcome": self.outcome.value,
            "words": self.words,
            "error_float32": _number(self.error_float32),
            "error_float64": _number(self.error_float64),
            "alone": None if self.alone is None else _race_fields(self.alone),
            **({} if self.worth is None else worth_fields(self.worth)),
        }

    def cells(self) -> tuple[str, ...]:
        """A line of the table, as in `HEAD`."""
        kind = "exact" if self.is_exact else "approximate"
        errors = (_error(self.error_float32), _error(self.error_float64))
        alone = "–" if self.alone is None else ratio_text(self.alone.ratio)
        numbers = NOTHING if self.worth is None else worth_cells(self.worth)
        return (self.name, kind, self.outcome.value, *errors, *numbers, alone, self.words)


HEAD = (
    "pass", "kind", "outcome", "error 32", "error 64", "ms before", "ms after", "times faster", "MB",
    "peak MB", "accuracy", "alone", "what",
)  # fmt: skip
NOTHING = ("–",) * 6


def worth_cells(worth: Worth) -> tuple[str, ...]:
    return (
        f"{worth.race.before * 1e3:.3g}",
        f"{worth.race.after * 1e3:.3g}",
        ratio_text(worth.race.ratio),
        _megabytes(worth.parameter_byte),
        _megabytes(worth.peak_byte),
        "–" if isnan(worth.accuracy[0]) else " → ".join(f"{share:.1%}" for share in worth.accuracy),
    )


def worth_fields(worth: Worth) -> dict[str, Any]:
    return {
        **_race_fields(worth.race),
        "parameter_byte": list(worth.parameter_byte),
        "peak_byte": list(worth.peak_byte),
        "accuracy": None if isnan(worth.accuracy[0]) else list(worth.accuracy),
    }


def ratio_text(ratio: Interval) -> str:
    return f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"


def _race_fields(race: Race) -> dict[str, Any]:
    return {"seconds_before": race.before, "seconds_after": race.after, "times_faster": asdict(race.ratio)}


def _megabytes(pair: tuple[int, int]) -> str:
    return " → ".join(f"{byte / 1e6:.3g}" for byte in pair)


def _error(value: float) -> str:
    return "–" if isnan(value) else f"{value:.1e}"


def _number(value: float) -> float | None:
    return None if isnan(value) else value
