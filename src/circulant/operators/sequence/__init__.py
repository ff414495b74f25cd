"""Room of sequence operators: one file each, listed here."""

from circulant.core.card import Card
from circulant.operators.sequence import (
    diagonal_ssm,
    learned_butterfly,
    linear_attention1d,
    long_conv1d,
    s4d_mixer1d,
    sg_conv,
)

CARDS: tuple[Card, ...] = (
    long_conv1d.CARD,
    learned_butterfly.CARD,
    sg_conv.CARD,
    linear_attention1d.CARD,
    diagonal_ssm.CARD,
    s4d_mixer1d.CARD,
)
