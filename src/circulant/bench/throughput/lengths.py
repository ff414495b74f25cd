"""Sequence operators on longer and longer inputs: what they cost at a million samples, and how it grows."""

from collections.abc import Iterator, Mapping
from functools import cache, partial

from circulant.bench.throughput.entry import COLUMNS, Throughput
from circulant.bench.workload import Goal, Group, Passes
from circulant.catalogue import CATALOGUE
from circulant.core.card import Card
from circulant.core.operator import Operator
from circulant.core.sizes import Shape

ROOMS = ("sequence", "spectral")
CHANNELS = 4
LENGTHS = tuple(4**power for power in range(6, 11))  # 4,096 to 1,048,576
SHAPES: tuple[Shape, ...] = tuple((1, CHANNELS, length) for length in LENGTHS)
SUFFIX = " by length"


def built_for(card: Card, shape: Shape) -> Operator:
    """As `circulant compare` builds it, for x of that shape."""
    return card.mixer(shape[1], shape[2:])


@cache
def length_entries() -> Mapping[str, Throughput]:
    """Every operator on sequences of the two rooms, alone."""
    return {
        f"{card.name}{SUFFIX}": Throughput(partial(built_for, card), SHAPES, {}, lowered=False)
        for card in CATALOGUE
        if card.room in ROOMS and 1 in card.ndims
    }


def length_groups() -> tuple[Group, ...]:
    return tuple(_groups())


def _groups() -> Iterator[Group]:
    for name in length_entries():
        yield Group(name, name, COLUMNS[1], SHAPES, Passes.FORWARD, Goal())
