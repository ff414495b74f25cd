"""Gates whose weights are x itself, times a kernel that a slow net makes: twice elementwise HyperZZW.

channels: y * W_c * y with y the mean of each channel;   places: s * W_s * s with s the mean of each place
"""

from typing import final

import torch
from torch import Tensor, nn

from circulant.operators.dynamic.slow_net import SlowNet


def _squared(y: Tensor, kernel: Tensor) -> Tensor:
    return y * kernel.to(y.dtype) * y


@final
class HyperChannelGate2d(nn.Module):
    """x sigmoid(y W_c y), y the mean of a channel.  Shapes: x (B, C, H, W) -> y (B, C, H, W), W_c (C)."""

    def __init__(
        self,
        channels: int,
        *,
        hidden: int = 32,
        layers: int = 2,
        frequency: float = 1.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.slow = SlowNet(1, channels, 1, hidden, layers, frequency=frequency, device=device, dtype=dtype)

    def score(self, x: Tensor) -> Tensor:
        """y W_c y (B, C, 1, 1)."""
        return _squared(x.mean((2, 3)), self.slow()[0])[..., None, None]

    def forward(self, x: Tensor) -> Tensor:
        return x * self.score(x).sigmoid()


@final
class HyperGate2d(nn.Module):
    """x sigmoid(score_c(z) score_p(z)): z weighs each channel and each place of x.

    Shapes: x and z (B, C, S, S) -> y (B, C, S, S).
    """

    def __init__(
        self,
        channels: int,
        size: int,
        *,
        hidden: tuple[int, int] = (16, 64),
        layers: int = 2,
        frequency: float = 1.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        of_channels, of_places = hidden
        self.channels = HyperChannelGate2d(
            channels, hidden=of_channels, layers=layers, frequency=frequency, device=device, dtype=dtype
        )
        self.slow = SlowNet(2, size, 1, of_places, layers, frequency=frequency, device=device, dtype=dtype)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        places = _squared(z.mean(1, keepdim=True), self.slow())
        return x * (self.channels.score(z) * places).sigmoid()
