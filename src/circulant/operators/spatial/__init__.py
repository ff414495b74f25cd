"""Room of spatial operators: one file each, listed here."""

from circulant.core.card import Card
from circulant.operators.spatial import (
    cross_dimensional_conv,
    dcls,
    fouri_scale_conv,
    fused_conv_first_block,
    inception_dw_conv2d,
    large_kernel_attention2d,
    large_kernel_conv,
    one_way_conv,
    re_dilated_conv,
    space_to_depth_conv,
)

CARDS: tuple[Card, ...] = (
    large_kernel_conv.CARD,
    inception_dw_conv2d.CARD,
    large_kernel_attention2d.CARD,
    cross_dimensional_conv.CARD,
    dcls.CARD,
    fouri_scale_conv.CARD,
    fused_conv_first_block.CARD,
    one_way_conv.CARD,
    re_dilated_conv.CARD,
    space_to_depth_conv.CARD,
)
