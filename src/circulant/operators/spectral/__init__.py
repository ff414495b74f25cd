"""Room of spectral operators: one file each, listed here."""

from circulant.core.card import Card
from circulant.operators.spectral import (
    adaptive_spectral_block1d,
    adaptive_spectral_filter1d,
    causal_fourier_mixing1d,
    fourier_mixing1d,
    learnable_time_frequency_filter1d,
)

CARDS: tuple[Card, ...] = (
    adaptive_spectral_filter1d.CARD,
    fourier_mixing1d.CARD,
    adaptive_spectral_block1d.CARD,
    causal_fourier_mixing1d.CARD,
    learnable_time_frequency_filter1d.CARD,
)
