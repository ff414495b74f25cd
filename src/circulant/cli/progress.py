"""What a person sees while something takes long, always on stderr, so that --json stays clean."""

from collections.abc import Iterable, Iterator
from time import monotonic
from types import TracebackType
from typing import Self, TypeVar, final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

Item = TypeVar("Item")


def bars(console: Console) -> Progress:
    """Nothing where there is no terminal."""
    return Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
        console=console,
        disable=not console.is_terminal,
    )


@final
class Steps:
    """A bar on the terminal; elsewhere a line for each step that begins when patience (seconds) is over."""

    def __init__(self, total: int, patience: float = 0.0) -> None:
        self._console = Console(stderr=True)
        self._bars = bars(self._console)
        self._bar = self._bars.add_task("", total=total)
        self._total, self._begun = total, 0
        self._quiet_until = monotonic() + patience

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self._bars.update(self._bar, completed=self._begun)
        self._bars.stop()

    def begin(self, name: str) -> None:
        """The next step begins; the one before it is done."""
        self._bars.update(self._bar, completed=self._begun, description=name)
        self._begun += 1
        if not self._console.is_terminal and monotonic() >= self._quiet_until:
            line = f"{self._begun} of {self._total}  {name}"
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)


def shown(items: Iterable[tuple[str, Item]], total: int) -> Iterator[Item]:
    """Passes items on and names each as it comes."""
    with Steps(total) as steps:
        for name, item in items:
            steps.begin(name)
            yield item
