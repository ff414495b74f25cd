"""An axis and an angle about it, read off a picture."""

from math import pi
from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.cost import Cost
from circulant.core.sizes import Shape
from circulant.engine.costs import pointwise_cost

LARGEST_ANGLE = pi / 4
LEAST_NORM = 1e-8  # added to an axis's, as published


@final
class AxisAngle(nn.Module):
    """Means of four maps over the places, each weighted by its own softmax.

    Shapes: x (B, C, H, W) -> unit axes (B, 3) and angles (B) within a quarter of pi.
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
        place: Any = {"device": device, "dtype": dtype}
        first, last = nn.Conv2d(channels, hidden, 1, **place), nn.Conv2d(hidden, 4, 1, **place)
        self.hidden = hidden
        self.map = nn.Sequential(first, nn.BatchNorm2d(hidden, **place), nn.ReLU(), last)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        seen = self.map(x).flatten(2)
        four = (seen * seen.softmax(-1)).sum(-1)
        axis = four[:, :3] / (torch.linalg.vector_norm(four[:, :3], dim=1, keepdim=True) + LEAST_NORM)
        return axis, LARGEST_ANGLE * torch.tanh(four[:, 3])

    def cost(self, shape: Shape) -> Cost:
        between = (shape[0], self.hidden, *shape[2:])
        return pointwise_cost(shape, self.hidden) + pointwise_cost(between, 4)
