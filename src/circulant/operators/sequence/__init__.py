"""Room of sequence operators: one file each, listed here."""

from circulant.core.card import Card
from circulant.operators.sequence import (
    causal_flow_attention1d,
    causal_light_net_mixer1d,
    delta_rule_mixer1d,
    diag_attention1d,
    flow_attention,
    gated_delta_net_mixer1d,
    gated_linear_attention1d,
    hgrn2_mixer1d,
    learned_butterfly,
    light_net_mixer,
    linear_attention1d,
    long_conv1d,
    multi_dim_toeplitz_pe,
    norm_attention1d,
    retention_mixer1d,
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
    causal_flow_attention1d.CARD,
    delta_rule_mixer1d.CARD,
    gated_delta_net_mixer1d.CARD,
    gated_linear_attention1d.CARD,
    hgrn2_mixer1d.CARD,
    retention_mixer1d.CARD,
    causal_light_net_mixer1d.CARD,
    norm_attention1d.CARD,
)
