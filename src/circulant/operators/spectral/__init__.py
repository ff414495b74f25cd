"""Room of spectral operators: one file each, listed here."""

from circulant.core.card import Card
from circulant.operators.spectral import (
    adaptive_frequency_filter,
    adaptive_spectral_block1d,
    adaptive_spectral_filter1d,
    causal_fourier_mixing1d,
    de_aliasing_filter,
    fourier_mixing1d,
    fourier_unit,
    frequency_mixing2d,
    global_fourier_filter,
    learnable_time_frequency_filter1d,
    spectral_conv,
    spectral_pooling_aggregation2d,
    spectral_pooling_filter,
    temporal_spectral_conv1d,
    volumetric_ffc,
    wave_mix_block2d,
    wave_mix_block2d_v1,
)

CARDS: tuple[Card, ...] = (
    adaptive_frequency_filter.CARD,
    adaptive_spectral_filter1d.CARD,
    de_aliasing_filter.CARD,
    fourier_mixing1d.CARD,
    adaptive_spectral_block1d.CARD,
    causal_fourier_mixing1d.CARD,
    learnable_time_frequency_filter1d.CARD,
    spectral_conv.CARD,
    wave_mix_block2d.CARD,
    wave_mix_block2d_v1.CARD,
    frequency_mixing2d.CARD,
    spectral_conv.CARD,
    spectral_pooling_aggregation2d.CARD,
    spectral_pooling_filter.CARD,
    fourier_unit.CARD,
    global_fourier_filter.CARD,
    spectral_conv.CARD,
    temporal_spectral_conv1d.CARD,
    volumetric_ffc.CARD,
)
