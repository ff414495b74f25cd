"""A recursive gated unit: a product of two maps of x, one of them made from a third."""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.cost import Cost
from circulant.core.sizes import Shape
from circulant.engine.costs import pointwise_cost


@final
class RecursiveGatedUnit2d(nn.Module):
    """y = W_y (gelu(I(k * (W_q v + b_q))) + P),   k = W_k x + b_k,   v = W_v x + b_v.

    I standardises each channel of each example; P (S, S), a number for each position, starts at 0. W_y has no
    bias, as what follows standardises. Shapes: x (B, C, S, S) -> y (B, C, S, S).
    """

    def __init__(
        self,
        channels: int,
        size: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.key = nn.Conv2d(channels, channels, 1, device=device, dtype=dtype)
        self.value = nn.Conv2d(channels, channels, 1, device=device, dtype=dtype)
        self.query = nn.Conv2d(channels, channels, 1, device=device, dtype=dtype)
        self.output = nn.Conv2d(channels, channels, 1, bias=False, device=device, dtype=dtype)
        self.place = nn.Parameter(torch.zeros(size, size, device=device, dtype=dtype))
        for layer in (self.key, self.value, self.query, self.output):
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="linear")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        gated = F.gelu(F.instance_norm(self.key(x) * self.query(self.value(x))))
        y: Tensor = self.output(gated + self.place)
        return y

    def cost(self, shape: Shape) -> Cost:
        return pointwise_cost(shape, shape[1]) * 4
