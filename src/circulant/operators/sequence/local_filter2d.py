"""The small depthwise convolution that two-dimensional scans put before their recurrence."""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.sizes import Shape, same_padding
from circulant.engine.convolution import convolution
from circulant.engine.costs import convolution_problem, problem_cost


@final
class LocalFilter2d(nn.Module):
    """Same-sized depthwise convolution, weight (C, 1, taps, taps) and bias (C) as in torch."""

    def __init__(
        self,
        channels: int,
        taps: int = 3,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if taps < 1:
            raise ArgumentError(f"expected taps of 1 or more, got {taps}")
        self.channels, self.padding = channels, (same_padding(taps, 1),) * 2
        self.weight = nn.Parameter(torch.empty(channels, 1, taps, taps, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(channels, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """As torch.nn.Conv2d: uniform within 1 / taps."""
        bound = 1 / self.weight.shape[-1]
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        return convolution(
            x, self.weight, self.bias, stride=(1, 1), padding=self.padding, dilation=(1, 1),
            groups=self.channels,
        )  # fmt: skip

    def cost(self, shape: Shape) -> Cost:
        return problem_cost(
            convolution_problem(shape, tuple(self.weight.shape), padding=self.padding, groups=self.channels)
        )

    def extra_repr(self) -> str:
        return f"{self.channels}, taps={self.weight.shape[-1]}"
