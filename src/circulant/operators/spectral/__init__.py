"""Room of spectral operators: one file each, listed here."""

from circulant.core.card import Card
from circulant.operators.spectral import (
    adaptive_spectral_filter1d,
    fourier_mixing1d,
    global_fourier_filter,
)

CARDS: tuple[Card, ...] = (
    adaptive_spectral_filter1d.CARD,
    fourier_mixing1d.CARD,
    global_fourier_filter.CARD,
)
