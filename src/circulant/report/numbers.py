"""How numbers are written: one decimal for accuracy, three significant digits for measures, true minus."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import floor, isfinite, log10
from statistics import median
from typing import final

THIN = "\u202f"  # narrow no-break space, between a number and its unit
MINUS = "−"


@final
@dataclass(frozen=True, slots=True)
class Unit:
    """A unit and its size in the base unit of its family."""

    symbol: str
    size: float

    def number(self, value: float) -> str:
        """The value in this unit, without the symbol."""
        return significant(value / self.size)

    def show(self, value: float) -> str:
        return f"{self.number(value)}{THIN}{self.symbol}" if self.symbol else self.number(value)


TIME = (Unit("µs", 1e-6), Unit("ms", 1e-3), Unit("s", 1.0))
BYTES = (Unit("B", 1.0), Unit("kB", 1e3), Unit("MB", 1e6), Unit("GB", 1e9))
COUNT = (Unit("", 1.0), Unit("k", 1e3), Unit("M", 1e6), Unit("G", 1e9))
COUNT_WORDS = {"": "", "k": "thousands", "M": "millions", "G": "billions"}


def significant(value: float, digits: int = 3) -> str:
    """Three significant digits: 0.0123, 1.20, 45.6, 789, 12,300."""
    if not isfinite(value):
        return "–"
    if value == 0:
        return "0"
    decimals = digits - 1 - floor(log10(abs(float(f"{value:.{digits - 1}e}"))))
    text = f"{round(value, decimals):,.{max(decimals, 0)}f}"
    return text.replace("-", MINUS)


def unit_for(values: Iterable[float], family: Sequence[Unit]) -> Unit:
    """One unit for a whole column: the largest that keeps the median at 1 or more."""
    known = [value for value in values if isfinite(value)]
    middle = median(known) if known else 0.0
    fitting = [unit for unit in family if middle >= unit.size * 0.9995]  # 0.9996 ms prints as 1.00 ms
    return fitting[-1] if fitting else family[0]


def show(value: float, family: Sequence[Unit]) -> str:
    """A single measure in the unit that suits it."""
    return unit_for([value], family).show(value)


def percent(share: float, decimals: int = 1) -> str:
    return f"{share * 100:.{decimals}f}{THIN}%".replace("-", MINUS)


def half_width(low: float, high: float, times: float = 100.0, decimals: int = 1) -> str:
    """Half of an interval, of shares in points: ±0.9."""
    return f"±{(high - low) * times / 2:.{decimals}f}"


def points(difference: float, times: float = 100.0, decimals: int = 1) -> str:
    """A signed difference, of shares in percentage points; no sign on what rounds to zero."""
    text = f"{difference * times:+.{decimals}f}"
    return text[1:] if float(text) == 0 else text.replace("-", MINUS)


def whole(count: int) -> str:
    return f"{count:,}"


def long_date(iso: str) -> str:
    """21 November 2026, of an ISO 8601 date or time."""
    day = datetime.fromisoformat(iso)
    return f"{day.day} {day:%B} {day.year}"
