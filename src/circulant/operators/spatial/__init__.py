"""Room of spatial operators: one file each, listed here."""

from circulant.core.card import Card
from circulant.operators.spatial import (
    atrous_conv,
    atrous_spatial_pyramid_pooling2d,
    conv_former_layer2d,
    dcls,
    edge_preserving_conv2d,
    ffnified_attention2d,
    fused_conv_first_block,
    inception_dw_conv2d,
    large_kernel_attention2d,
    large_kernel_conv,
    sub_pixel_conv,
)

CARDS: tuple[Card, ...] = (
    large_kernel_conv.CARD,
    inception_dw_conv2d.CARD,
    large_kernel_attention2d.CARD,
    dcls.CARD,
    fused_conv_first_block.CARD,
    sub_pixel_conv.CARD,
    edge_preserving_conv2d.CARD,
    conv_former_layer2d.CARD,
    ffnified_attention2d.CARD,
    atrous_conv.CARD,
    atrous_spatial_pyramid_pooling2d.CARD,
)
