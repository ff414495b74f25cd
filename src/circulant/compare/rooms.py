"""A room of the catalogue in the place of operators: all of it that fits the data."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

from circulant.catalogue import CATALOGUE, operator_names
from circulant.compare.setup import SETUPS
from circulant.core.errors import ArgumentError
from circulant.data.dataset import Dataset


@final
@dataclass(frozen=True, slots=True)
class Room:
    """The operators of one room, by whether they take the data."""

    name: str
    fitting: tuple[str, ...]
    others: tuple[str, ...]


def rooms() -> frozenset[str]:
    return frozenset(card.room for card in CATALOGUE)


def room(name: str, dataset: Dataset) -> Room:
    """Of an operator that there is for several numbers of axes, the one for these data alone."""
    fitting: list[str] = []
    others: list[str] = []
    for operator, (card, _) in operator_names().items():
        if card.room == name:
            (fitting if _fits(operator, dataset) else others).append(operator)
    if not fitting:
        raise ArgumentError(
            f"expected a room with operators that take these data, got {name}, of which none does; "
            "see `circulant list`"
        )
    return Room(name, tuple(fitting), tuple(others))


def _fits(operator: str, dataset: Dataset) -> bool:
    card, kind = operator_names()[operator]
    ndim = len(dataset.spatial)
    if ndim in card.ndims and ndim not in kind.ndims:
        return False
    try:
        SETUPS[dataset.task].require(dataset, operator)
    except ArgumentError:
        return False
    return True


def expanded(names: Iterable[str], found: Iterable[Room]) -> tuple[str, ...]:
    """Rooms replaced by what fits of them; each operator once, where it comes first."""
    by_name = {one.name: one.fitting for one in found}
    return tuple(dict.fromkeys(operator for name in names for operator in by_name.get(name, (name,))))
