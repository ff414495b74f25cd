"""How much each operator computes and holds, at one size, so that pages can compare them."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log2

from circulant.core.card import Card
from circulant.core.sizes import Shape

CHANNELS = 64
SPATIAL: dict[int, Shape] = {1: (1024,), 2: (64, 64), 3: (16, 16, 16), 4: (8, 8, 8, 8)}


@dataclass(frozen=True, slots=True)
class Work:
    """Of one operator on one input (1, 64, *spatial), as its card's mixer builds it."""

    operator: str
    spatial: Shape
    parameters: int
    flop: float  # by the direct algorithm
    exponent: float  # flop grows as the number of positions to this power; 0 if there is none

    @property
    def shape(self) -> str:
        return " × ".join(map(str, (1, CHANNELS, *self.spatial)))

    @property
    def operations(self) -> str:
        """In millions, with three digits."""
        return f"{self.flop / 1e6:.3g} M"

    @property
    def growth(self) -> str:
        return f"N^{self.exponent:.1f}".replace("^1.0", "") if self.exponent else "constant"


_FOUND: dict[str, tuple[Work, ...]] = {}  # by the card's name: several pages ask


def work(card: Card) -> tuple[Work, ...]:
    """One for each member of the family and each number of axes that it takes."""
    if card.name not in _FOUND:
        _FOUND[card.name] = tuple(_all_of(card))
    return _FOUND[card.name]


def _all_of(card: Card) -> Iterator[Work]:
    for operator in card.operators:
        for ndim in operator.ndims:
            spatial = SPATIAL[ndim]
            module, flop = card.mixer(CHANNELS, spatial), _flop(card, spatial)
            larger = _flop(card, tuple(2 * n for n in spatial))
            exponent = round(log2(larger / flop) / ndim, 1) if flop else 0.0
            parameters = sum(parameter.numel() for parameter in module.parameters())
            yield Work(operator.__name__, spatial, parameters, flop, exponent)


def _flop(card: Card, spatial: Shape) -> float:
    return card.mixer(CHANNELS, spatial).cost((1, CHANNELS, *spatial)).flop
