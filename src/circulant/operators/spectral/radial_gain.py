"""One gain for low frequencies and one for high ones, by distance from the constant."""

import torch
from torch import Tensor

from circulant.core.sizes import Shape
from circulant.engine.transform import irfftn, rfftn
from circulant.operators.spectral.complex_view import scaled

RING = 1 / 3  # gain on the cutoff itself, of the published code


def squared_radius(sizes: Shape, device: torch.device) -> Tensor:
    """Squared distance of each bin of `rfftn` from the constant, in integers of one wave per axis."""
    *outer, last = sizes
    axes = [torch.arange(last // 2 + 1, device=device).square()]
    for size in reversed(outer):
        index = torch.arange(size, device=device)
        axes.insert(0, torch.minimum(index, size - index).square())
    total = axes[0]
    for axis in axes[1:]:
        total = total[..., None] + axis
    return total


def radial_gain(x: Tensor, ndim: int, radius: float, low: Tensor) -> Tensor:
    """x (B, C, *spatial) with low (C) below the radius, 1 - low above, RING on it -> the same."""
    sizes = tuple(x.shape[2:])
    distance = squared_radius(sizes, x.device)
    inner = low.reshape(-1, *(1,) * ndim)
    gain = torch.where(distance < radius**2, inner, 1 - inner)
    gain = torch.where(distance == radius**2, RING, gain)
    return irfftn(scaled(rfftn(x, ndim), gain.to(x.dtype)), sizes)
