"""Deformable convolution as it is written where no kernel for it is installed: grid_sample, then a sum."""

from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.case import Function
from circulant.core.sizes import Shape


def deformable_conv2d(shape: Shape) -> Function:
    """All taps in one call of grid_sample."""
    batch, channels, pixels, kernel, groups = shape
    taps = kernel**2

    def sampled(x: Tensor, offset: Tensor, modulation: Tensor) -> Tensor:
        places = (_grid(pixels, kernel, x) + offset).flatten(0, 1)  # (B G, taps, 2, H, W)
        grid = _normalised(places, pixels).reshape(batch * groups, taps * pixels, pixels, 2)
        read = _read(x.reshape(batch * groups, channels // groups, pixels, pixels), grid)
        read = read.view(batch, groups, -1, taps, pixels, pixels)
        return (read * modulation[:, :, None]).sum(3).view(batch, channels, pixels, pixels)

    return sampled


def deformable_conv2d_by_taps(shape: Shape) -> Function:
    """A call of grid_sample for each tap, so that less is held at once."""
    batch, channels, pixels, kernel, groups = shape

    def sampled(x: Tensor, offset: Tensor, modulation: Tensor) -> Tensor:
        places = (_grid(pixels, kernel, x) + offset).flatten(0, 1)
        grid = _normalised(places, pixels)
        images = x.reshape(batch * groups, channels // groups, pixels, pixels)
        weights = modulation.flatten(0, 1)[:, :, None]
        parts = (_read(images, grid[:, tap]) * weights[:, tap] for tap in range(kernel**2))
        return reduce(torch.add, parts).view(batch, channels, pixels, pixels)

    return sampled


def _grid(pixels: int, kernel: int, like: Tensor) -> Tensor:
    """Row and column that each tap reads without offsets -> (taps, 2, H, W)."""
    line = torch.arange(pixels, dtype=like.dtype, device=like.device)
    tap = torch.arange(kernel, dtype=like.dtype, device=like.device) - kernel // 2
    rows, columns = torch.meshgrid(line, line, indexing="ij")
    down, right = torch.meshgrid(tap, tap, indexing="ij")
    places = torch.stack([rows, columns]) + torch.stack([down, right], -1).reshape(-1, 2, 1, 1)
    return places


def _normalised(places: Tensor, pixels: int) -> Tensor:
    """(.., 2, H, W) in samples, rows first -> (.., H, W, 2) from -1 to 1, columns first."""
    return (places.flip(-3) * (2 / (pixels - 1)) - 1).movedim(-3, -1)


def _read(images: Tensor, grid: Tensor) -> Tensor:
    return F.grid_sample(images, grid, align_corners=True)
