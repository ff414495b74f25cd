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
        size = _size(x)
        response = 1 + self.gain * (size / (size.mean(-1, keepdim=True) + EPS))
        return x * response if self.bias is None else torch.addcmul(self.bias, x, response)


def _size(x: Tensor) -> Tensor:
    """torch.linalg.vector_norm over several axes takes 4 to 10 times as long on a CPU."""
    single = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x  # whose squares do not overflow
    power = single.square().sum(tuple(range(1, x.ndim - 1)), keepdim=True)
    # of a channel that is zero the gradient is zero, not 0 / 0
    return power.clamp_min(torch.finfo(power.dtype).tiny).sqrt().to(x.dtype)
