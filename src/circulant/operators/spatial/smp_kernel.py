"""A kernel as a continuous function: points that move, each with a reach and a weight."""

from enum import Enum
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.cost import Cost, matmul_cost
from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.sizes import Shape, product

FEW = 1e-6  # added to the number of points that reach a place
WEIGHT_STD = 0.02
LARGEST_RADIUS = 1.0


class PointForm(Enum):
    """Whose the points are, and how those that reach a place are put together; value: radius at least."""

    SHARED = 1e-3  # all kernels have the same points, with weights of their own; summed up
    AVERAGED = 1e-4  # each output channel has points of its own; their mean


@final
class SelfMovingPointKernel(nn.Module):
    """weight . max(0, 1 - |place - position|_1 / radius), over the cube from -1 to 1.

    Shapes: places (ndim, M) -> kernel (O, I, M); weight (O, I, N), position (G, ndim, N), radius (G, N),
    G = 1 if shared and O otherwise. Coordinates are in the order of the spatial axes.
    """

    def __init__(
        self,
        ndim: int,
        in_channels: int,
        out_channels: int,
        points: int,
        *,
        radius: float,
        form: PointForm = PointForm.SHARED,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if points < 1 or radius <= 0:
            raise ArgumentError(f"expected 1 point or more and a radius above 0, got {points} and {radius}")
        self.ndim, self.form, self.first_radius = ndim, form, radius
        owners = 1 if form is PointForm.SHARED else out_channels

        def empty(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape, device=device, dtype=dtype))

        self.weight = empty(out_channels, in_channels, points)
        self.position = empty(owners, ndim, points)
        self.radius = empty(owners, points)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Points around the middle; those of a sequence's channels near its latest sample, at 1."""
        nn.init.trunc_normal_(self.weight, std=WEIGHT_STD)
        nn.init.constant_(self.radius, self.first_radius)
        if self.form is PointForm.AVERAGED and self.ndim == 1:
            nn.init.trunc_normal_(self.position, std=0.1, a=-1, b=0)
            with torch.no_grad():
                self.position.mul_(2).add_(1)
        else:
            nn.init.trunc_normal_(self.position, std=0.2, a=-1, b=1)
        self.clamp_parameters()

    @torch.no_grad()
    def clamp_parameters(self) -> None:
        """Bring radii back to between the form's least and 1; for after an optimiser's step."""
        self.radius.clamp_(self.form.value, LARGEST_RADIUS)

    def forward(self, places: Tensor) -> Tensor:
        if places.ndim != 2 or len(places) != self.ndim:
            raise ShapeError(f"expected places ({self.ndim}, M), got {tuple(places.shape)}")
        precise = torch.promote_types(self.weight.dtype, torch.float32)
        position, at = self.position.to(precise), places.to(precise)
        distance = (at[0] - position[:, 0, :, None]).abs()
        for axis in range(1, self.ndim):
            distance = distance + (at[axis] - position[:, axis, :, None]).abs()
        share = torch.relu(1 - distance / self.radius.to(precise)[..., None])
        if self.form is PointForm.AVERAGED:
            share = share / ((share > 0).to(precise).sum(1, keepdim=True) + FEW)
        O, I, N = self.weight.shape
        kernel = self.weight.to(precise).reshape(len(share), -1, N) @ share
        return kernel.reshape(O, I, -1).to(self.weight.dtype)

    def on_grid(self, sizes: Shape) -> Tensor:
        """Kernel of that many samples along each axis, the outermost at -1 and 1 -> (O, I, *sizes)."""
        return self(grid(sizes, self.position)).reshape(*self.weight.shape[:2], *sizes)

    def cost(self, sizes: Shape) -> Cost:
        O, I, N = self.weight.shape
        return matmul_cost(O * I, N, product(sizes))


def grid(sizes: Shape, like: Tensor) -> Tensor:
    """Places (ndim, prod(sizes)), row by row, as the other tensor's kind; a single one is at 0."""
    axes = [
        torch.linspace(-1, 1, size, dtype=like.dtype, device=like.device) if size > 1 else like.new_zeros(1)
        for size in sizes
    ]
    return torch.stack([axis.flatten() for axis in torch.meshgrid(*axes, indexing="ij")])
