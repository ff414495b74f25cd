"""Room of gates operators: one file each, listed here."""

from circulant.core.card import Card
from circulant.operators.gates import (
    efficient_channel_attention,
    multi_spectral_channel_attention2d,
    squeeze_excitation,
)

CARDS: tuple[Card, ...] = (
    squeeze_excitation.CARD,
    efficient_channel_attention.CARD,
    multi_spectral_channel_attention2d.CARD,
)
