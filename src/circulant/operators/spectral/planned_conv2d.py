"""A convolution with torch's parameters that the engine plans: a part of operators that mix both domains."""

from math import sqrt
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.cost import Cost
from circulant.core.sizes import Shape
from circulant.engine.conv_settings import Sizes, conv_settings


@final
class PlannedConv2d(nn.Module):
    """torch.nn.Conv2d that keeps the grid.  Shapes: x (B, I, H, W) -> y (B, O, H, W)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        *,
        groups: int = 1,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.settings = conv_settings(
            2, in_channels, out_channels, kernel_size, padding="same", groups=groups
        )
        self.weight = nn.Parameter(torch.empty(self.settings.weight_shape, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(out_channels, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """As torch's."""
        bound = 1 / sqrt(self.weight[0].numel())
        nn.init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        return self.settings.convolve(x, self.weight, self.bias)

    def cost(self, shape: Shape) -> Cost:
        return self.settings.cost(shape)

    def extra_repr(self) -> str:
        return str(self.settings)
