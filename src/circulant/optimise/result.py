"""What an optimisation has made."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from torch import nn

from circulant.core.text_columns import columns
from circulant.optimise.archive import Saved, save
from circulant.optimise.example import Example
from circulant.optimise.goals import Goals
from circulant.optimise.pass_report import (
    HEAD,
    NOTHING,
    Outcome,
    PassReport,
    Worth,
    worth_cells,
    worth_fields,
)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """model: a copy with the kept passes, in evaluation mode, or in training mode where it is to be trained.

    overall: from the model as it came to this one; None where no pass was kept.
    """

    model: nn.Module
    reports: tuple[PassReport, ...]
    overall: Worth | None
    goals: Goals
    example: Example

    @property
    def kept(self) -> tuple[str, ...]:
        return tuple(report.name for report in self.reports if report.outcome is Outcome.KEPT)

    def table(self) -> str:
        """One line for each pass, and one for all that were kept."""
        numbers = NOTHING if self.overall is None else worth_cells(self.overall)
        last = (
            "all kept",
            "",
            "",
            "",
            "",
            *numbers,
            "",
            ", ".join(self.kept) or "nothing: the model is as it was",
        )
        return columns([HEAD, *(report.cells() for report in self.reports), last])

    def fields(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "kept": list(self.kept),
            "passes": [report.fields() for report in self.reports],
            "overall": None if self.overall is None else worth_fields(self.overall),
        }

    def save(self, folder: str | Path) -> Saved:
        """Into a folder that is made; see `circulant.optimise.load`."""
        return save(self.model, self.example, Path(folder), self.table())

    def __str__(self) -> str:
        return self.table()
