"""Room of spatial operators: one file each, listed here."""

from circulant.core.card import Card
from circulant.operators.spatial import (
    dcls,
    fused_conv_first_block,
    inception_dw_conv2d,
    large_kernel_attention2d,
    large_kernel_conv,
    shift_conv2d,
)

CARDS: tuple[Card, ...] = (
    large_kernel_conv.CARD,
    inception_dw_conv2d.CARD,
    large_kernel_attention2d.CARD,
    dcls.CARD,
    fused_conv_first_block.CARD,
    shift_conv2d.CARD,
)
