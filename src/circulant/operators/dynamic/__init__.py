"""Room of dynamic operators: one file each, listed here."""

from circulant.core.card import Card
from circulant.operators.dynamic import (
    cond_conv2d,
    deformable_conv2d_v4,
    hardware_deform_conv2d,
    involution2d,
    learnable_sensor_layout2d,
    region_adaptive_conv2d,
    scale_affine2d,
    translation_variant_conv2d,
)

CARDS: tuple[Card, ...] = (
    cond_conv2d.CARD,
    involution2d.CARD,
    deformable_conv2d_v4.CARD,
    translation_variant_conv2d.CARD,
    hardware_deform_conv2d.CARD,
    learnable_sensor_layout2d.CARD,
    region_adaptive_conv2d.CARD,
    scale_affine2d.CARD,
)
