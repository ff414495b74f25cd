"""Room of gates operators: one file each, listed here."""

from circulant.core.card import Card
from circulant.operators.gates import squeeze_excitation

CARDS: tuple[Card, ...] = (squeeze_excitation.CARD,)
