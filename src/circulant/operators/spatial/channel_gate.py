"""A gate for each channel from the means of all: squeeze and excitation inside other operators."""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.cost import Cost
from circulant.core.sizes import Shape
from circulant.engine.costs import pointwise_cost


@final
class ChannelGate(nn.Module):
    """x times sigmoid(W2 relu(W1 mean x)).  Shapes: x (B, C, H, W) -> y (B, C, H, W); W1 (hidden, C)."""

    def __init__(
        self,
        channels: int,
        hidden: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, hidden, 1, device=device, dtype=dtype)
        self.excite = nn.Conv2d(hidden, channels, 1, device=device, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.excite(self.squeeze(x.mean((2, 3), keepdim=True)).relu()).sigmoid()

    def cost(self, shape: Shape) -> Cost:
        B, C = shape[:2]
        hidden = self.squeeze.out_channels
        return pointwise_cost((B, C, 1, 1), hidden) + pointwise_cost((B, hidden, 1, 1), C)
