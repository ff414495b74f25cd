"""Gaussian sums over scattered points in linear time, on a lattice of simplices.

After Adams, Baek and Davis (2010), Fast High-Dimensional Filtering Using the Permutohedral Lattice. A point
is shared out among the d + 1 corners of its simplex, corners are blurred along d + 1 directions, and points
read the corners back. The result approximates the sum up to a factor: over 1500 random points in 2, 3 and 5
dimensions it differs by 2, 2 and 6 % once the totals are made equal. `DenseCRF` divides by the lattice's own
totals.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor


@final
@dataclass(frozen=True, slots=True)
class PermutohedralLattice:
    """Corners (n, d + 1) of each of n points with their shares, and for each direction two neighbours.

    Corner number `size` is no corner: it always holds zero.
    """

    corners: Tensor
    shares: Tensor
    neighbours: Tensor  # (d + 1, 2, size)
    size: int

    def filter(self, values: Tensor) -> Tensor:
        """values (n, K) -> about sum_j exp(-|f_i - f_j|^2 / 2) values_j, (n, K)."""
        d, K = self.corners.shape[1] - 1, values.shape[1]
        given = (self.shares[..., None] * values[:, None]).reshape(-1, K)
        held = values.new_zeros(self.size + 1, K).index_add(0, self.corners.flatten(), given)
        for before, after in self.neighbours:
            blurred = held[:-1] + (held[before] + held[after]) / 2
            held = torch.cat([blurred, held[-1:]])
        read = (self.shares[..., None] * held[self.corners]).sum(1)
        return read / (1 + 2.0**-d)


def permutohedral_lattice(features: Tensor) -> PermutohedralLattice:
    """features (n, d), each divided by its standard deviation."""
    n, d = features.shape
    raised = _raised(features)
    origin = torch.round(raised / (d + 1)) * (d + 1)
    excess = (origin.sum(1, keepdim=True) / (d + 1)).round()
    order = (raised - origin).argsort(dim=1, descending=True, stable=True)
    rank = order.argsort(dim=1) + excess
    wrap = (rank < 0).to(rank.dtype) - (rank > d).to(rank.dtype)
    rank, origin = (rank + wrap * (d + 1)).long(), origin + wrap * (d + 1)
    steps = torch.arange(d + 1, device=features.device)
    moves = steps[:, None] - (d + 1) * (steps > d - steps[:, None])  # corner by rank
    keys = origin.long()[:, None] + moves[:, rank].movedim(0, 1)
    known, corners = keys[..., :d].reshape(-1, d).unique(dim=0, return_inverse=True)
    neighbours = torch.stack([_neighbours(known, axis) for axis in range(d + 1)])
    return PermutohedralLattice(
        corners.view(n, d + 1), _shares(raised - origin, rank), neighbours, len(known)
    )


def _raised(features: Tensor) -> Tensor:
    """Onto the plane of d + 1 coordinates that sum to 0, so scaled that one blur has variance 1."""
    d = features.shape[1]
    axes = torch.arange(1, d + 1, device=features.device, dtype=features.dtype)
    scaled = features * (2 / 3) ** 0.5 * (d + 1) / (axes * (axes + 1)).sqrt()
    after = scaled.flip(1).cumsum(1).flip(1)
    return torch.cat([after[:, :1], after - scaled * (axes + 1)], 1)


def _shares(inside: Tensor, rank: Tensor) -> Tensor:
    """Barycentric coordinates of points in their simplex, one for each corner."""
    d = inside.shape[1] - 1
    shares = inside.new_zeros(len(inside), d + 2)
    shares = shares.scatter_add(1, d - rank, inside / (d + 1))
    shares = shares.scatter_add(1, d + 1 - rank, -inside / (d + 1))
    return torch.cat([shares[:, :1] + 1 + shares[:, -1:], shares[:, 1:-1]], 1)


def _neighbours(known: Tensor, axis: int) -> Tensor:
    """Numbers of the corners one step back and one step on along that direction, (2, size)."""
    size, d = known.shape
    step = torch.ones(d, dtype=known.dtype, device=known.device)
    if axis < d:
        step[axis] = -d
    found = []
    for sign in (-1, 1):
        every, where = torch.cat([known, known + sign * step]).unique(dim=0, return_inverse=True)
        number = torch.full((len(every),), size, device=known.device)
        number[where[:size]] = torch.arange(size, device=known.device)
        found.append(number[where[size:]])
    return torch.stack(found)
