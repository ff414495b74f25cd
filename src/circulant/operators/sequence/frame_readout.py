"""What a model of pictures over time does with each frame after its linear recurrence."""

from enum import Enum
from math import gcd
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.sizes import Shape, same_padding
from circulant.engine.convolution import Boundary, convolution
from circulant.engine.costs import convolution_problem, problem_cost

GROUPS = 32  # of the norm, where the channels allow


class FrameReadout(Enum):
    """RESIDUAL: gelu(y + conv(gelu(norm(conv(gelu(norm(y))))))). DIRECT: gelu(norm(y + conv(x)))."""

    RESIDUAL = "residual"
    DIRECT = "direct"


def frames_convolved(frames: Tensor, weight: Tensor, bias: Tensor | None, boundary: Boundary) -> Tensor:
    """Same-sized convolution of frames (B, I, H, W) with weight (O, I, *taps)."""
    padding = tuple(same_padding(size, 1) for size in weight.shape[2:])
    return convolution(
        frames, weight, bias, stride=(1, 1), padding=padding, dilation=(1, 1), boundary=boundary
    )


def frames_cost(shape: Shape, weight: Shape) -> Cost:
    padding = tuple(same_padding(size, 1) for size in weight[2:])
    return problem_cost(convolution_problem(shape, weight, padding=padding))


@final
class FrameConv(nn.Module):
    """A convolution of frames (B, C, H, W) that keeps their shape; it starts as torch.nn.Conv2d does."""

    def __init__(
        self,
        channels: int,
        taps: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, channels, taps, taps, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(channels, device=device, dtype=dtype))
        bound = (channels * taps * taps) ** -0.5
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, frames: Tensor) -> Tensor:
        return frames_convolved(frames, self.weight, self.bias, Boundary.ZEROS)


@final
class FrameBlock(nn.Module):
    """What the enum says.  Shapes: y and x (B, C, H, W) -> (B, C, H, W)."""

    def __init__(
        self,
        channels: int,
        taps: int,
        readout: FrameReadout,
        groups: int | None = None,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.readout = readout
        count = 2 if readout is FrameReadout.RESIDUAL else 1
        groups = gcd(GROUPS, channels) if groups is None else groups
        if groups < 1 or channels % groups:
            raise ArgumentError(f"expected groups as a divisor of channels = {channels}, got {groups}")
        self.norms = nn.ModuleList(
            nn.GroupNorm(groups, channels, device=device, dtype=dtype) for _ in range(count)
        )
        self.convs = nn.ModuleList(
            FrameConv(channels, taps, device=device, dtype=dtype) for _ in range(count)
        )

    def forward(self, y: Tensor, x: Tensor) -> Tensor:
        if self.readout is FrameReadout.DIRECT:
            return F.gelu(self.norms[0](y + self.convs[0](x)))
        h = y
        for norm, conv in zip(self.norms, self.convs):
            h = conv(F.gelu(norm(h)))
        return F.gelu(y + h)

    def cost(self, shape: Shape) -> Cost:
        channels = shape[1]
        taps = next(self.convs.parameters()).shape[-1]
        return frames_cost(shape, (channels, channels, taps, taps)) * len(self.convs)
