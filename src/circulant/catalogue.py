"""The catalogue: every operator, in one typed tuple."""

from circulant.core.card import Card
from circulant.core.errors import UnknownNameError
from circulant.core.operator import Operator
from circulant.operators import algebra, attention, dynamic, gates, sequence, spatial, spectral

CATALOGUE: tuple[Card, ...] = (
    *sequence.CARDS,
    *spectral.CARDS,
    *spatial.CARDS,
    *dynamic.CARDS,
    *algebra.CARDS,
    *gates.CARDS,
    *attention.CARDS,
)


def operator_names() -> dict[str, tuple[Card, type[Operator]]]:
    """Every operator class by name, with its card."""
    return {operator.__name__: (card, operator) for card in CATALOGUE for operator in card.operators}


def find(name: str) -> Card:
    """The card of the operator of that name; for text from outside, code uses the class."""
    known = operator_names()
    if name not in known:
        raise UnknownNameError("operator", name, known)
    return known[name][0]
