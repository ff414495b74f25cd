"""A language model of H3 layers."""

from circulant.models.channel_mlp import ChannelMlp
from circulant.models.channel_norm import ChannelLayerNorm
from circulant.models.language_model import LanguageModel
from circulant.models.residual import Residual
from circulant.operators.sequence.h3_mixer import H3Mixer

MLP_RATIO = 4


def h3_language_model(
    tokens: int,
    channels: int,
    depth: int,
    *,
    states: int = 64,
    head_channels: int = 1,
    chunk: int | None = None,
) -> LanguageModel:
    """Pre-norm residual pairs of H3 and an MLP, without a position embedding.

    Shapes: codes (B, L) -> logits (B, tokens, L). The paper's hybrid puts attention in place of two mixers;
    this is the pure model.
    """
    layers = []
    for _ in range(depth):
        mixer = H3Mixer(channels, states, head_channels, chunk=chunk)
        layers.append(Residual(mixer, ChannelLayerNorm(channels)))
        layers.append(Residual(ChannelMlp(channels, MLP_RATIO * channels), ChannelLayerNorm(channels)))
    return LanguageModel(tokens, channels, layers, norm=ChannelLayerNorm(channels))
