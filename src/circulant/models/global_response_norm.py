"""Global response norm, after Woo et al. (2023), ConvNeXt V2, https://arxiv.org/abs/2301.00808."""

from typing import final

import torch
from torch import Tensor, nn

EPS = 1e-6


@final
class GlobalResponseNorm(nn.Module):
    """(1 + gain * size / mean size) * x + bias; size: of each channel, the root of its sum of squares.

    Shapes: x (B, *spatial, C) -> y (B, *spatial, C); gain and bias (C), both 0 at the start.
    """

    def __init__(self, channels: int, *, bias: bool = True) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.zeros(channels))
        self.bias = nn.Parameter(torch.zeros(channels)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        size = torch.linalg.vector_norm(x, dim=tuple(range(1, x.ndim - 1)), keepdim=True)
        response = 1 + self.gain * (size / (size.mean(-1, keepdim=True) + EPS))
        return x * response if self.bias is None else torch.addcmul(self.bias, x, response)
