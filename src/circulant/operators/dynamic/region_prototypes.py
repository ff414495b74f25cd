"""Means over the regions of a picture, and their way back to the places."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.core.errors import DtypeError, ShapeError


def require_regions(regions: Tensor, x: Tensor) -> None:
    """Raise unless regions (B, H, W) numbers the places of x (B, C, H, W)."""
    if regions.dtype != torch.int64:
        raise DtypeError(f"expected regions of dtype torch.int64, got {regions.dtype}; convert with .long()")
    if regions.shape != (x.shape[0], *x.shape[2:]):
        raise ShapeError(
            f"expected regions (B, H, W) = {(x.shape[0], *x.shape[2:])}, a number from 0 on for each place, "
            f"got {tuple(regions.shape)}"
        )


def region_means(x: Tensor, regions: Tensor) -> Tensor:
    """x (B, C, H, W), regions (B, H, W) numbered from 0 -> (B, C, R); zero where there is no such region."""
    require_regions(regions, x)
    count = int(regions.max()) + 1 if regions.numel() else 1
    at = regions.flatten(1)[:, None]
    sums = x.new_zeros(*x.shape[:2], count).scatter_add(2, at.expand(-1, x.shape[1], -1), x.flatten(2))
    areas = x.new_zeros(x.shape[0], 1, count).scatter_add(2, at, torch.ones_like(at, dtype=x.dtype))
    return sums / areas.clamp(min=1)


def spread_regions(numbers: Tensor, regions: Tensor) -> Tensor:
    """numbers (B, C, R), regions (B, H, W) -> each place has its region's (B, C, H, W)."""
    at = regions.flatten(1)[:, None].expand(-1, numbers.shape[1], -1)
    return numbers.gather(2, at).unflatten(2, tuple(regions.shape[1:]))


def grid_means(x: Tensor, cells: int) -> Tensor:
    """x (B, C, H, W) -> means over cells x cells windows that cover it (B, C, cells, cells)."""
    means: Tensor = F.adaptive_avg_pool2d(x, (cells, cells))
    return means


def spread_grid(numbers: Tensor, size: tuple[int, int]) -> Tensor:
    """numbers (B, C, cells, cells) -> each place has its cell's (B, C, *size)."""
    spread: Tensor = F.interpolate(numbers, size=size, mode="nearest")
    return spread
