"""Room of spatial operators: one file each, listed here."""

from circulant.core.card import Card
from circulant.operators.spatial import (
    circular_conv1d,
    dcls,
    fused_conv_first_block,
    inception_dw_conv2d,
    large_kernel_attention2d,
    large_kernel_conv,
    partial_conv,
    pseudo3d_conv,
    separable_conv4d,
    spatial_message_passing2d,
)

CARDS: tuple[Card, ...] = (
    large_kernel_conv.CARD,
    inception_dw_conv2d.CARD,
    large_kernel_attention2d.CARD,
    dcls.CARD,
    fused_conv_first_block.CARD,
    partial_conv.CARD,
    pseudo3d_conv.CARD,
    circular_conv1d.CARD,
    separable_conv4d.CARD,
    spatial_message_passing2d.CARD,
)
