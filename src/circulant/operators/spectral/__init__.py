"""Room of spectral operators: one file each, listed here."""

from circulant.core.card import Card
from circulant.operators.spectral import (
    adaptive_spectral_filter1d,
    dct_attention2d,
    dynamic_spectrum_mixer2d,
    fourier_attention3d,
    fourier_conv,
    fourier_mixing1d,
    fourier_object_disentangle,
    fourier_unit,
    global_fourier_filter,
    spatiotemporal_spectral_conv3d,
    spectral_conv,
    temporal_spectral_conv1d,
    volumetric_ffc,
    wave_mix_block2d,
    wave_mix_block2d_v1,
    wavelet_gating2d,
)

CARDS: tuple[Card, ...] = (
    adaptive_spectral_filter1d.CARD,
    dct_attention2d.CARD,
    dynamic_spectrum_mixer2d.CARD,
    fourier_attention3d.CARD,
    fourier_conv.CARD,
    fourier_mixing1d.CARD,
    fourier_object_disentangle.CARD,
    fourier_unit.CARD,
    global_fourier_filter.CARD,
    spatiotemporal_spectral_conv3d.CARD,
    spectral_conv.CARD,
    temporal_spectral_conv1d.CARD,
    volumetric_ffc.CARD,
    wave_mix_block2d.CARD,
    wave_mix_block2d_v1.CARD,
    wavelet_gating2d.CARD,
)
