"""Room of spectral operators: one file each, listed here."""

from circulant.core.card import Card
from circulant.operators.spectral import (
    adaptive_spectral_block1d,
    adaptive_spectral_filter1d,
    causal_fourier_mixing1d,
    dct_downsample1d,
    fourier_mixing1d,
    learnable_time_frequency_filter1d,
    spectral_conv,
    wave_mix_block2d,
    wave_mix_block2d_v1,
)

CARDS: tuple[Card, ...] = (
    adaptive_spectral_filter1d.CARD,
    fourier_mixing1d.CARD,
    dct_downsample1d.CARD,
    adaptive_spectral_block1d.CARD,
    causal_fourier_mixing1d.CARD,
    learnable_time_frequency_filter1d.CARD,
    spectral_conv.CARD,
    wave_mix_block2d.CARD,
    wave_mix_block2d_v1.CARD,
)
