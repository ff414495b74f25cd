"""Room of sequence operators: one file each, listed here."""

from circulant.core.card import Card
from circulant.operators.sequence import (
    chunked_attention1d,
    dilated_tcn1d,
    interactive_conv_block1d,
    learned_butterfly,
    linear_attention1d,
    long_conv1d,
    multires_conv1d,
    sg_conv,
    spectral_dictionary_mixer1d,
)

CARDS: tuple[Card, ...] = (
    long_conv1d.CARD,
    learned_butterfly.CARD,
    multires_conv1d.CARD,
    sg_conv.CARD,
    linear_attention1d.CARD,
    interactive_conv_block1d.CARD,
    dilated_tcn1d.CARD,
    chunked_attention1d.CARD,
    spectral_dictionary_mixer1d.CARD,
)
