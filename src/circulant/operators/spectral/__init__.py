"""Room of spectral operators: one file each, listed here."""

from circulant.core.card import Card
from circulant.operators.spectral import (
    adaptive_spectral_filter1d,
    dct_attention2d,
    dynamic_spectrum_mixer2d,
    fourier_mixing1d,
    spectral_conv,
    wave_mix_block2d,
    wave_mix_block2d_v1,
    wavelet_gating2d,
)

CARDS: tuple[Card, ...] = (
    adaptive_spectral_filter1d.CARD,
    dct_attention2d.CARD,
    dynamic_spectrum_mixer2d.CARD,
    fourier_mixing1d.CARD,
    spectral_conv.CARD,
    wave_mix_block2d.CARD,
    wave_mix_block2d_v1.CARD,
    wavelet_gating2d.CARD,
)
