"""Room of spatial operators: one file each, listed here."""

from circulant.core.card import Card
from circulant.operators.spatial import (
    cross_dimensional_conv,
    dcls,
    fouri_scale_conv,
    fused_conv_first_block,
    global_local_filter2d,
    gn_conv2d,
    inception_dw_conv2d,
    large_kernel_attention2d,
    large_kernel_conv,
    recursive_conv2d,
    spatial_reinforcement_mixer2d,
    wave_channel_mixer2d,
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
    gn_conv2d.CARD,
    global_local_filter2d.CARD,
    recursive_conv2d.CARD,
    spatial_reinforcement_mixer2d.CARD,
    wave_channel_mixer2d.CARD,
    one_way_conv.CARD,
    re_dilated_conv.CARD,
    space_to_depth_conv.CARD,
)
