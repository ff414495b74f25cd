"""Room of sequence operators: one file each, listed here."""

from circulant.core.card import Card
from circulant.operators.sequence import long_conv1d

CARDS: tuple[Card, ...] = (long_conv1d.CARD,)
