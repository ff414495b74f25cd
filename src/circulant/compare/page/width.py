"""The two widths that plots are drawn for; style shows one of them."""

from enum import Enum
from typing import final


@final
class Width(Enum):
    """Value: pixels that a plot over the full line has."""

    WIDE = 860
    NARROW = 350

    @property
    def full(self) -> float:
        return float(self.value)

    @property
    def half(self) -> float:
        """Of a plot that shares the line with another, where there is room for two."""
        return 490.0 if self is Width.WIDE else float(self.value)

    @property
    def css(self) -> str:
        return self.name.lower()
