"""Long convolution in chunks: the past is kept, so that chunked and offline results agree."""

import torch
from torch import Tensor

from circulant.engine.long_conv import long_conv


def initial_history(
    batch: int,
    channels: int,
    kernel: int,
    *,
    device: torch.device | None = None,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """The kernel - 1 zeros before the first sample -> (B, C, kernel - 1)."""
    return torch.zeros(batch, channels, kernel - 1, device=device, dtype=dtype)


def long_conv_step(x: Tensor, kernel: Tensor, history: Tensor) -> tuple[Tensor, Tensor]:
    """A chunk x (B, C, n) after the samples of history (B, C, K - 1) -> y (B, C, n), new history."""
    seen = torch.cat([history, x], dim=-1)
    y = long_conv(seen, kernel)[..., history.shape[-1] :]
    return y, seen[..., seen.shape[-1] - history.shape[-1] :]
