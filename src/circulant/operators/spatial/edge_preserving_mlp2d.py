"""The edge-preserving feed-forward part of the ConvFormer layer."""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.cost import Cost
from circulant.core.sizes import Shape
from circulant.engine.costs import pointwise_cost
from circulant.operators.spatial.edge_preserving_conv2d import EdgePreservingConv2d


@final
class EdgePreservingMlp2d(nn.Module):
    """y = D (h + GELU(E(h))), h = GELU(U x), E an edge-preserving convolution of `hidden` channels.

    Shapes: x (B, C, H, W) -> y (B, C, H, W).
    """

    def __init__(
        self,
        channels: int,
        hidden: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels, self.hidden = channels, hidden
        self.expand = nn.Conv2d(channels, hidden, 1, device=device, dtype=dtype)
        self.edge = EdgePreservingConv2d(hidden, device=device, dtype=dtype)
        self.contract = nn.Conv2d(hidden, channels, 1, device=device, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        hidden = nn.functional.gelu(self.expand(x))
        return self.contract(hidden + nn.functional.gelu(self.edge(hidden)))

    def cost(self, shape: Shape) -> Cost:
        wide = (shape[0], self.hidden, *shape[2:])
        points = pointwise_cost(shape, self.hidden) + pointwise_cost(wide, self.channels)
        return points + self.edge.cost(wide)
