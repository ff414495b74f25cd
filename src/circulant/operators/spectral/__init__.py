"""Room of spectral operators: one file each, listed here."""

from circulant.core.card import Card
from circulant.operators.spectral import (
    adaptive_frequency_filter,
    adaptive_spectral_filter1d,
    de_aliasing_filter,
    fourier_enhancement2d,
    fourier_mixing1d,
    frequency_decomposition_window_attention2d,
    frequency_mixing2d,
    frequency_modulation_ffn2d,
    spectral_conv,
    spectral_pooling_aggregation2d,
    spectral_pooling_filter,
)

CARDS: tuple[Card, ...] = (
    adaptive_frequency_filter.CARD,
    adaptive_spectral_filter1d.CARD,
    de_aliasing_filter.CARD,
    fourier_enhancement2d.CARD,
    fourier_mixing1d.CARD,
    frequency_decomposition_window_attention2d.CARD,
    frequency_mixing2d.CARD,
    frequency_modulation_ffn2d.CARD,
    spectral_conv.CARD,
    spectral_pooling_aggregation2d.CARD,
    spectral_pooling_filter.CARD,
)
