"""What a person sees while a model is explained."""

from time import monotonic
from types import TracebackType
from typing import Self, final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

PATIENCE_SECONDS = 2.0  # what is done sooner needs no words


@final
class ExplanationProgress:
    """A bar on the terminal, plain lines elsewhere, always on stderr, so that --json stays clean."""

    def __init__(self, total: int) -> None:
        self._console = Console(stderr=True)
        self._bars = Progress(
            BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"),
            console=self._console, disable=not self._console.is_terminal, transient=True,
        )  # fmt: skip
        self._bar = self._bars.add_task("", total=total)
        self._total, self._begun = total, 0
        self._start = monotonic()

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def begin(self, part: str) -> None:
        """The next part begins; the one before it is done."""
        self._bars.update(self._bar, completed=self._begun, description=part)
        self._begun += 1
        if not self._console.is_terminal and monotonic() - self._start > PATIENCE_SECONDS:
            line = f"{self._begun} of {self._total}  {part}"
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)
