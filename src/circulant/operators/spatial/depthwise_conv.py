"""A planned depthwise convolution that keeps the size: the part that large-kernel operators are built of."""

from math import sqrt
from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.cost import Cost
from circulant.core.sizes import Shape, same_padding
from circulant.engine.convolution import Boundary, convolution, is_torchs
from circulant.engine.costs import convolution_problem, problem_cost


@final
class DepthwiseConv2d(nn.Module):
    """One kernel for each channel, weight (C, 1, *kernel) and bias (C) as in torch.

    Shapes: x (B, C, H, W) -> y (B, C, H, W).
    """

    def __init__(
        self,
        channels: int,
        kernel: tuple[int, int],
        *,
        dilation: int = 1,
        bias: bool = True,
        boundary: Boundary = Boundary.ZEROS,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels, self.kernel, self.boundary = channels, kernel, boundary
        self.dilation = (dilation, dilation)
        self.padding = tuple(same_padding(k, dilation) for k in kernel)
        self.weight = nn.Parameter(torch.empty(channels, 1, *kernel, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(channels, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """As torch.nn.Conv2d: uniform within 1 / sqrt(taps)."""
        bound = 1 / sqrt(self.weight[0].numel())
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        return convolution(x, self.weight, self.bias, **self._settings())

    def is_torchs(self, x: Tensor) -> bool:
        """Whether the plan for x is torch's own function."""
        return is_torchs(x, self.weight, self.bias, **self._settings())

    def _settings(self) -> dict[str, Any]:
        return {
            "stride": (1, 1), "padding": self.padding, "dilation": self.dilation, "groups": self.channels,
            "boundary": self.boundary,
        }  # fmt: skip

    def merged(self) -> "DepthwiseConv2d":
        """Itself: one convolution already."""
        return self

    def to_conv(self) -> nn.Conv2d:
        """torch's own layer with a copy of the kernel."""
        C, device, dtype = self.channels, self.weight.device, self.weight.dtype
        conv = nn.Conv2d(
            C, C, self.kernel, padding="same", dilation=self.dilation, groups=C, bias=self.bias is not None,
            padding_mode=self.boundary.value, device=device, dtype=dtype,
        )  # fmt: skip
        conv.load_state_dict(self.state_dict())
        return conv

    def cost(self, shape: Shape) -> Cost:
        weight = (self.channels, 1, *self.kernel)
        problem = convolution_problem(
            shape, weight, padding=self.padding, dilation=self.dilation, groups=self.channels
        )
        return problem_cost(problem)

    def extra_repr(self) -> str:
        plain = f"{self.channels}, kernel={self.kernel}, dilation={self.dilation}"
        return f"{plain}, bias={self.bias is not None}, boundary={self.boundary.value!r}"
