"""Room of attention operators: one file each, listed here."""

from circulant.core.card import Card
from circulant.operators.attention import (
    halo_attention2d,
    neighborhood_attention2d,
)

CARDS: tuple[Card, ...] = (
    neighborhood_attention2d.CARD,
    halo_attention2d.CARD,
)
