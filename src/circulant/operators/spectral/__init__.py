"""Room of spectral operators: one file each, listed here."""

from circulant.core.card import Card
from circulant.operators.spectral import (
    adaptive_spectral_filter1d,
    fourier_mixing1d,
    spectral_conv,
)

CARDS: tuple[Card, ...] = (
    adaptive_spectral_filter1d.CARD,
    fourier_mixing1d.CARD,
    spectral_conv.CARD,
)
