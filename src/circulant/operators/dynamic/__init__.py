"""Room of dynamic operators: one file each, listed here."""

from circulant.core.card import Card
from circulant.operators.dynamic import (
    adaptive_downscale2d,
    attentive_conv2d,
    cond_conv2d,
    deformable_conv,
    deformable_conv2d_v4,
    fd_conv2d,
    frequency_adaptive_dilated_conv2d,
    frequency_band_modulation2d,
    frequency_selection2d,
    hardware_deform_conv2d,
    involution2d,
    learnable_sensor_layout2d,
    ls_conv2d,
    region_adaptive_conv2d,
    scale_affine2d,
    translation_variant_conv2d,
    tunable_conv,
)

CARDS: tuple[Card, ...] = (
    adaptive_downscale2d.CARD,
    attentive_conv2d.CARD,
    cond_conv2d.CARD,
    deformable_conv.CARD,
    deformable_conv2d_v4.CARD,
    fd_conv2d.CARD,
    frequency_adaptive_dilated_conv2d.CARD,
    frequency_band_modulation2d.CARD,
    frequency_selection2d.CARD,
    hardware_deform_conv2d.CARD,
    involution2d.CARD,
    learnable_sensor_layout2d.CARD,
    ls_conv2d.CARD,
    region_adaptive_conv2d.CARD,
    scale_affine2d.CARD,
    translation_variant_conv2d.CARD,
    tunable_conv.CARD,
)
