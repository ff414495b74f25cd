"""A planned convolution between all channels: the part that spatial operators are built of."""

from math import sqrt
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.cost import Cost
from circulant.core.sizes import Shape
from circulant.engine.conv_settings import ConvSettings


@final
class DenseConv(nn.Module):
    """weight (O, I / groups, *kernel) and bias (O), moved over the input as `settings` say.

    Shapes: x (B, I, *spatial) -> y (B, O, *output_spatial).
    """

    def __init__(
        self,
        settings: ConvSettings,
        *,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.weight = nn.Parameter(torch.empty(settings.weight_shape, device=device, dtype=dtype))
        self.bias = (
            nn.Parameter(torch.empty(settings.out_channels, device=device, dtype=dtype)) if bias else None
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """As torch's convolutions: uniform within 1 / sqrt(taps)."""
        bound = 1 / sqrt(self.weight[0].numel())
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        return self.settings.convolve(x, self.weight, self.bias)

    def cost(self, shape: Shape) -> Cost:
        return self.settings.cost(shape)

    def extra_repr(self) -> str:
        return f"{self.settings}, bias={self.bias is not None}"
