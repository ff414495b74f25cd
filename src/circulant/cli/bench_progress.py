"""What a person sees while shapes are measured."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

Item = TypeVar("Item")


def shown(items: Iterable[tuple[str, Item]], total: int) -> Iterator[Item]:
    """Passes items on and names each as it comes: a bar on a terminal, lines elsewhere, always on stderr."""
    console = Console(stderr=True)
    bars = Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
        console=console,
        disable=not console.is_terminal,
    )
    with bars:
        bar = bars.add_task("measuring", total=total)
        for done, (name, item) in enumerate(items, 1):
            bars.update(bar, completed=done, description=name)
            if not console.is_terminal:
                console.print(f"{done} of {total}  {name}", highlight=False, markup=False, soft_wrap=True)
            yield item
