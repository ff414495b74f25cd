r"""Relative positions on a grid for linear attention: each axis turns its own share of the channel pairs.

    z'[p] = exp(i sum_a p_a theta_a) z[p],   so that  q'[p] . k'[p'] depends on p - p' alone

Shapes: x (B, H, *spatial, D) -> the same, for queries and keys alike. A head's D / 2 pairs are dealt out to
the axes, floor(D / 2 / axes) to each in turn; what is left over is not turned. Frequencies fall from 1 to
1 / 10000 over the pairs of all heads together, and every axis takes the fastest of its head.
"""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.operators.sequence.rotary import frequencies, rotate


@final
class MultiDimLrpe(nn.Module):
    """There is nothing to learn."""

    def __init__(self, heads: int, width: int, ndim: int) -> None:
        super().__init__()
        if heads < 1 or width % 2 or width < 2 * ndim:
            raise ArgumentError(
                f"expected heads of 1 or more and an even width of at least 2 for each of {ndim} axes, "
                f"got {heads} and {width}"
            )
        self.heads, self.width, self.ndim = heads, width, ndim

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != self.ndim + 3 or (x.shape[1], x.shape[-1]) != (self.heads, self.width):
            raise ShapeError(
                f"expected x (B, H, *spatial, D) of {self.ndim} axes with H = {self.heads} and "
                f"D = {self.width}, got {tuple(x.shape)}"
            )
        return rotate(x, self._angle(x))

    def _angle(self, x: Tensor) -> Tensor:
        """By how far each pair is turned at each position -> (H, *spatial, D / 2) in radians."""
        spatial, pairs = x.shape[2:-1], self.width // 2
        theta = frequencies(self.heads * pairs, x).reshape(self.heads, pairs)[:, : pairs // self.ndim]
        parts = []
        for axis, size in enumerate(spatial):
            along = torch.arange(size, device=x.device)[:, None] * theta[:, None]
            aligned = along.reshape(self.heads, *(1,) * axis, size, *(1,) * (self.ndim - axis - 1), -1)
            parts.append(aligned.expand(-1, *spatial, -1))
        still = theta.new_zeros(self.heads, *spatial, pairs - self.ndim * theta.shape[1])
        return torch.cat([*parts, still], dim=-1)

    def extra_repr(self) -> str:
        return f"{self.heads}, {self.width}, ndim={self.ndim}"
