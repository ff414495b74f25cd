"""Room of spatial operators: one file each, listed here."""

from circulant.core.card import Card
from circulant.operators.spatial import (
    dcls,
    fused_conv_first_block,
    inception_dw_conv2d,
    large_kernel_attention2d,
    large_kernel_conv,
    single_intra_channel_conv2d,
    smp_conv,
    sparse_shift,
    spatial_bottleneck_conv2d,
    topological_pointwise,
    weighted_conv,
)

CARDS: tuple[Card, ...] = (
    large_kernel_conv.CARD,
    inception_dw_conv2d.CARD,
    large_kernel_attention2d.CARD,
    dcls.CARD,
    fused_conv_first_block.CARD,
    smp_conv.CARD,
    sparse_shift.CARD,
    single_intra_channel_conv2d.CARD,
    topological_pointwise.CARD,
    spatial_bottleneck_conv2d.CARD,
    weighted_conv.CARD,
)
