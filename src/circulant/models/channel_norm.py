"""Norms over the channels at each position, for tensors that keep their channels in the second axis."""

from typing import final

from torch import Tensor, nn


@final
class ChannelLayerNorm(nn.Module):
    """torch's LayerNorm over the channels.  Shapes: x (B, C, *spatial) -> y (B, C, *spatial)."""

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels, eps)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x.movedim(1, -1)).movedim(-1, 1)


@final
class ChannelRMSNorm(nn.Module):
    """torch's RMSNorm over the channels.  Shapes: x (B, C, *spatial) -> y (B, C, *spatial)."""

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(channels, eps)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x.movedim(1, -1)).movedim(-1, 1)
