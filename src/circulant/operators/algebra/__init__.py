"""Room of algebra operators: one file each, listed here."""

from circulant.core.card import Card
from circulant.operators.algebra import (
    complex_conv,
    parameterized_hypercomplex_conv,
)

CARDS: tuple[Card, ...] = (
    parameterized_hypercomplex_conv.CARD,
    complex_conv.CARD,
)
