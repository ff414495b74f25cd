"""Room of sequence operators: one file each, listed here."""

from circulant.core.card import Card
from circulant.operators.sequence import (
    diag_attention1d,
    flow_attention,
    learned_butterfly,
    light_net_mixer,
    linear_attention1d,
    long_conv1d,
    multi_dim_toeplitz_pe,
    sg_conv,
)

CARDS: tuple[Card, ...] = (
    long_conv1d.CARD,
    learned_butterfly.CARD,
    sg_conv.CARD,
    linear_attention1d.CARD,
    flow_attention.CARD,
    multi_dim_toeplitz_pe.CARD,
    light_net_mixer.CARD,
    diag_attention1d.CARD,
)
