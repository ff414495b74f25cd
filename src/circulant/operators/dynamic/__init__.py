"""Room of dynamic operators: one file each, listed here."""

from circulant.core.card import Card
from circulant.operators.dynamic import (
    attentive_conv2d,
    cond_conv2d,
    deformable_conv2d_v4,
    involution2d,
    ls_conv2d,
    tunable_conv,
)

CARDS: tuple[Card, ...] = (
    attentive_conv2d.CARD,
    cond_conv2d.CARD,
    involution2d.CARD,
    ls_conv2d.CARD,
    tunable_conv.CARD,
    deformable_conv2d_v4.CARD,
)
