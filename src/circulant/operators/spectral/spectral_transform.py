"""The global branch of a fast Fourier convolution: a Fourier unit over everything and one over quarters."""

from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.sizes import Shape
from circulant.engine.costs import pointwise_cost
from circulant.operators.spectral.fourier_unit import BY_NDIM, NORM, POINTWISE

QUARTER = 4  # tiles of the picture, and the share of the channels that is cut into them


@final
class SpectralTransform(nn.Module):
    """W2 (u + unit(u) + local_unit(u)) with u = relu(BN(W1 x)) of half the channels.

    The local unit takes the first quarter of u's channels, cut along H and W into four tiles that are
    stacked as channels; its result is laid out four times. A depth axis before H and W stays whole.
    Shapes: x (B, C, *, H, W) -> y (B, O, *, H, W); H and W even where there is a local unit.
    """

    def __init__(
        self,
        ndim: int,
        in_channels: int,
        out_channels: int,
        *,
        local_unit: bool,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        hidden = out_channels // 2
        if hidden < 1 or (local_unit and hidden % QUARTER):
            raise ArgumentError(
                f"expected global channels in pairs, and in eights for a local unit, got {out_channels}; "
                "change the channels or the ratio, or set local_unit=False"
            )
        self.out_channels = out_channels
        settings: Any = {"device": device, "dtype": dtype}
        self.reduce = POINTWISE[ndim](in_channels, hidden, 1, bias=False, **settings)
        self.norm = NORM[ndim](hidden, **settings)
        self.unit = BY_NDIM[ndim](hidden, **settings)
        self.local_unit = BY_NDIM[ndim](hidden, **settings) if local_unit else None
        self.expand = POINTWISE[ndim](hidden, out_channels, 1, bias=False, **settings)

    def forward(self, x: Tensor) -> Tensor:
        u = self.norm(self.reduce(x)).relu()
        together = u + self.unit(u)
        if self.local_unit is not None:
            some = self.local_unit(tiles(u.narrow(1, 0, u.shape[1] // QUARTER)))
            rows = torch.cat([some, some], -2)
            together = together + torch.cat([rows, rows], -1)
        y: Tensor = self.expand(together)
        return y

    def require_grid(self, x: Tensor) -> None:
        if self.local_unit is not None and (x.shape[-1] % 2 or x.shape[-2] % 2):
            raise ShapeError(
                f"expected an even H and W for the local unit, got x {tuple(x.shape)}; "
                "pad it or set local_unit=False"
            )

    def cost(self, shape: Shape) -> Cost:
        hidden = self.unit.in_channels
        inner = (shape[0], hidden, *shape[2:])
        total = pointwise_cost(shape, hidden) + pointwise_cost(inner, self.out_channels)
        total = total + self.unit.cost(inner)
        if self.local_unit is None:
            return total
        return total + self.local_unit.cost((*inner[:-2], inner[-2] // 2, inner[-1] // 2))


def tiles(x: Tensor) -> Tensor:
    """Quarters of the last two axes, stacked: x (B, C, *, H, W) -> (B, 4 C, *, H / 2, W / 2)."""
    rows = torch.cat(x.chunk(2, -2), 1)
    return torch.cat(rows.chunk(2, -1), 1)
