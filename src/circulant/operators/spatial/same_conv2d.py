"""A planned convolution that keeps the grid, with torch's parameters: dense or in groups, dilated or not."""

from math import sqrt
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.cost import Cost
from circulant.core.sizes import Shape
from circulant.engine.conv_settings import conv_settings


@final
class SameConv2d(nn.Module):
    """torch.nn.Conv2d with padding "same" and no bias.  Shapes: x (B, I, H, W) -> y (B, O, H, W)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        dilation: int = 1,
        groups: int = 1,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.settings = conv_settings(
            2, in_channels, out_channels, kernel_size, padding="same", dilation=dilation, groups=groups
        )
        self.weight = nn.Parameter(torch.empty(self.settings.weight_shape, device=device, dtype=dtype))
        bound = 1 / sqrt(self.weight[0].numel())  # as torch's
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        return self.settings.convolve(x, self.weight, None)

    def cost(self, shape: Shape) -> Cost:
        return self.settings.cost(shape)

    def extra_repr(self) -> str:
        return str(self.settings)
