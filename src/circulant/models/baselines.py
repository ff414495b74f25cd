"""Plain PyTorch layers in the slot, so that every operator is measured against what people use today."""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.sizes import Shape, product
from circulant.models.mixer import Mixer

HEAD_CHANNELS = 16  # of attention; fewer where the width does not divide


@final
class SelfAttention(nn.Module):
    """torch.nn.MultiheadAttention over all positions, with a learnt position embedding.

    Shapes: x (B, C, *spatial) -> y (B, C, *spatial).
    """

    def __init__(self, channels: int, spatial: Shape) -> None:
        super().__init__()
        heads = channels // HEAD_CHANNELS if channels % HEAD_CHANNELS == 0 else 1
        self.attention = nn.MultiheadAttention(channels, heads, batch_first=True)
        start = torch.empty(1, product(spatial), channels)
        self.position = nn.Parameter(nn.init.trunc_normal_(start, std=0.02))

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).transpose(1, 2) + self.position
        mixed, _ = self.attention(tokens, tokens, tokens, need_weights=False)
        result: Tensor = mixed.transpose(1, 2).reshape(x.shape)
        return result


def _conv(channels: int, spatial: Shape) -> nn.Module:
    kind = {1: nn.Conv1d, 2: nn.Conv2d}[len(spatial)]
    return kind(channels, channels, 3, padding=1)


def _depthwise_conv(channels: int, spatial: Shape) -> nn.Module:
    kind = {1: nn.Conv1d, 2: nn.Conv2d}[len(spatial)]
    return kind(channels, channels, 7, padding=3, groups=channels)


BASELINES = (
    Mixer("Conv", (1, 2), _conv),
    Mixer("DepthwiseConv", (1, 2), _depthwise_conv),
    Mixer("SelfAttention", (1, 2), SelfAttention),
)
