"""Plain PyTorch layers in the slot, so that every operator is measured against what people use today."""

from functools import partial
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.sizes import Shape, product
from circulant.models.mixer import Mixer

HEAD_CHANNELS = 16  # of attention; fewer where the width does not divide


@final
class SelfAttention(nn.Module):
    """torch.nn.MultiheadAttention over all positions, with a learnt position embedding.

    causal=True: over those up to each position. Shapes: x (B, C, *spatial) -> y (B, C, *spatial).
    """

    def __init__(self, channels: int, spatial: Shape, causal: bool = False) -> None:
        super().__init__()
        self.causal = causal
        heads = channels // HEAD_CHANNELS if channels % HEAD_CHANNELS == 0 else 1
        self.attention = nn.MultiheadAttention(channels, heads, batch_first=True)
        start = torch.empty(1, product(spatial), channels)
        self.position = nn.Parameter(nn.init.trunc_normal_(start, std=0.02))

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).transpose(1, 2) + self.position
        later = None
        if self.causal:
            length = tokens.shape[1]
            later = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
        mixed, _ = self.attention(
            tokens, tokens, tokens, need_weights=False, attn_mask=later, is_causal=self.causal
        )
        result: Tensor = mixed.transpose(1, 2).reshape(x.shape)
        return result


def _conv(channels: int, spatial: Shape) -> nn.Module:
    kind = {1: nn.Conv1d, 2: nn.Conv2d}[len(spatial)]
    return kind(channels, channels, 3, padding=1)


def _depthwise_conv(channels: int, spatial: Shape) -> nn.Module:
    kind = {1: nn.Conv1d, 2: nn.Conv2d}[len(spatial)]
    return kind(channels, channels, 7, padding=3, groups=channels)


def _causal_conv(channels: int, spatial: Shape) -> nn.Module:
    return nn.Sequential(nn.ConstantPad1d((2, 0), 0.0), nn.Conv1d(channels, channels, 3))


def _causal_depthwise_conv(channels: int, spatial: Shape) -> nn.Module:
    return nn.Sequential(nn.ConstantPad1d((6, 0), 0.0), nn.Conv1d(channels, channels, 7, groups=channels))


BASELINES = (
    Mixer("Conv", (1, 2), _conv, _causal_conv),
    Mixer("DepthwiseConv", (1, 2), _depthwise_conv, _causal_depthwise_conv),
    Mixer("SelfAttention", (1, 2), SelfAttention, partial(SelfAttention, causal=True)),
)
