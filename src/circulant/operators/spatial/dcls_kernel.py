"""Dense kernels from a few points with weights and real positions."""

from enum import Enum

import torch
from torch import Tensor

from circulant.core.cost import Cost, matmul_cost
from circulant.core.errors import ArgumentError
from circulant.core.sizes import Shape, product

NARROWEST = 0.27  # smallest width of a Gaussian in samples: below, its gradients vanish between samples
TINY = 1e-7  # keeps the normalisation of a point outside the grid finite


class DclsVersion(Enum):
    """How a point between samples is spread over them."""

    V0 = "linear interpolation"
    V1 = "triangle of half-width 1, normalised on the grid"
    MAX = "triangle of half-width 1 + |spread|, normalised on the grid"
    GAUSS = "Gaussian of width 0.27 + |spread|, normalised on the grid"

    @property
    def has_spread(self) -> bool:
        return self in (DclsVersion.MAX, DclsVersion.GAUSS)


def dcls_kernel(
    weight: Tensor,
    position: Tensor,
    kernel_size: Shape,
    version: DclsVersion = DclsVersion.GAUSS,
    spread: Tensor | None = None,
) -> Tensor:
    """weight (O, I, points), position and spread (ndim, O, I, points) in samples -> (O, I, *kernel_size).

    Positions are counted from sample K // 2 of each axis, axes in the order of kernel_size.
    """
    if (spread is not None) != version.has_spread or len(position) != len(kernel_size):
        given = "no spread" if spread is None else "a spread"
        raise ArgumentError(
            f"expected positions along {len(kernel_size)} axes, and a spread for MAX and GAUSS alone, "
            f"got positions along {len(position)} and {given} for {version.name}"
        )
    precise = torch.promote_types(weight.dtype, torch.float32)
    shares = []
    for axis, size in enumerate(kernel_size):
        grid = torch.arange(size, device=position.device) - size // 2
        distance = grid - position[axis].to(precise)[..., None]
        shares.append(_share(distance, version, None if spread is None else spread[axis].to(precise)))
    points = weight.to(precise)[..., None]
    if version is not DclsVersion.V0:
        points = points / (torch.stack([share.sum(-1) for share in shares]).prod(0) + TINY)[..., None]
    *leading, last = shares
    for share in leading:
        points = (points[..., None] * share[..., None, :]).flatten(-2)
    kernel = points.transpose(-1, -2) @ last
    return kernel.reshape(*weight.shape[:2], *kernel_size).to(weight.dtype)


def dcls_kernel_cost(kernels: int, points: int, kernel_size: Shape) -> Cost:
    """Work of building that many kernels (O times I)."""
    *leading, last = kernel_size
    return matmul_cost(product(leading), points, last) * kernels


def _share(distance: Tensor, version: DclsVersion, spread: Tensor | None) -> Tensor:
    """How much of a point each sample gets, by its distance (.., points, samples) along one axis."""
    if version is DclsVersion.V0:
        # half-open, so that a point on a sample still has a slope: the one to its right
        rising = torch.where((distance > -1) & (distance <= 0), 1 + distance, 0)
        return torch.where((distance > 0) & (distance <= 1), 1 - distance, rising)
    width = torch.zeros_like(distance[..., :1]) if spread is None else spread.abs()[..., None]
    if version is DclsVersion.GAUSS:
        return torch.exp(-0.5 * (distance / (width + NARROWEST)) ** 2)
    return torch.relu(1 + width - distance.abs())
