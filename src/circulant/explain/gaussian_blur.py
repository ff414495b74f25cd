"""Pictures blurred by a Gaussian of a given size, zeros outside."""

import torch
from torch import Tensor
from torch.nn.functional import conv2d


def gaussian_blur(x: Tensor, side: int = 11, sigma: float = 5.0) -> Tensor:
    """x (B, C, H, W) with an odd side x side kernel that sums to 1; sigma in pixels."""
    place = torch.arange(side, dtype=x.dtype, device=x.device) - side // 2
    taps = torch.exp(-(place**2) / (2 * sigma**2))
    taps = taps / taps.sum()
    flat = x.flatten(0, 1)[:, None]
    flat = conv2d(flat, taps.reshape(1, 1, -1, 1), padding=(side // 2, 0))
    return conv2d(flat, taps.reshape(1, 1, 1, -1), padding=(0, side // 2)).reshape(x.shape)
