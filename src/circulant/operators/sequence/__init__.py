"""Room of sequence operators: one file each, listed here."""

from circulant.core.card import Card
from circulant.operators.sequence import (
    atrous_selective_scan2d,
    bidirectional_ssm,
    conv_s5,
    conv_ssm,
    diagonal_ssm,
    efficient_visual_state_space2d,
    h3_mixer,
    learned_butterfly,
    linear_attention1d,
    long_conv1d,
    rational_transfer_function1d,
    s4d_mixer1d,
    selective_scan2d,
    selective_ssm1d,
    sg_conv,
    shift_ssm,
)

CARDS: tuple[Card, ...] = (
    long_conv1d.CARD,
    learned_butterfly.CARD,
    sg_conv.CARD,
    linear_attention1d.CARD,
    diagonal_ssm.CARD,
    s4d_mixer1d.CARD,
    atrous_selective_scan2d.CARD,
    bidirectional_ssm.CARD,
    efficient_visual_state_space2d.CARD,
    selective_scan2d.CARD,
    selective_ssm1d.CARD,
    h3_mixer.CARD,
    rational_transfer_function1d.CARD,
    shift_ssm.CARD,
    conv_ssm.CARD,
    conv_s5.CARD,
)
