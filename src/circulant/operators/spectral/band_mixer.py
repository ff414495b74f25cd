"""Parts of the WaveMix blocks: what every level does with its bands."""

import torch
from torch import nn

from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.sizes import Shape
from circulant.engine.costs import convolution_problem, problem_cost


class BandMixer(nn.Sequential):
    """Channels of one level to twice its size."""

    def __init__(
        self,
        in_channels: int,
        expanded: int,
        hidden: int,
        out_channels: int,
        dropout: float,
        device: torch.device | str | None,
        dtype: torch.dtype | None,
    ) -> None:
        super().__init__()
        self.expand = nn.Conv2d(in_channels, expanded, 1, device=device, dtype=dtype)
        self.activation = nn.GELU()
        self.dropout = nn.Dropout(dropout)
        self.project = nn.Conv2d(expanded, hidden, 1, device=device, dtype=dtype)
        self.up = nn.ConvTranspose2d(hidden, out_channels, 4, stride=2, padding=1, device=device, dtype=dtype)
        self.norm = nn.BatchNorm2d(out_channels, device=device, dtype=dtype)


def require_block(channels: int, levels: int) -> None:
    if channels < 4 or channels % 4:
        raise ArgumentError(f"expected channels as a multiple of 4, for four bands, got {channels}")
    if levels < 1:
        raise ArgumentError(f"expected levels of 1 or more, got {levels}")


def up_cost(shape: Shape, out_channels: int, level: int) -> Cost:
    """A transposed convolution of x of that shape by 2^level, with 2^level + 2 taps along each axis."""
    B, I, *spatial = shape
    step = 2**level
    return problem_cost(
        convolution_problem(
            (B, out_channels, *(step * n for n in spatial)),
            (I, out_channels, step + 2, step + 2),
            stride=(step, step),
            padding=((1, 1), (1, 1)),
        )
    )
