"""Matrices, twiddles and roots of unity for a layout, made in float64 and rounded once."""

from dataclasses import dataclass
from functools import lru_cache
from typing import final

import torch
from torch import Tensor

from circulant.backends.triton.transform_layout import Layout


@final
@dataclass(frozen=True, slots=True)
class RootTables:
    """Real and imaginary planes of powers of roots of unity; see the kernels of the outer passes."""

    outer: Tensor  # exp(-i pi j / (2 N0)), j < 4 N0
    coarse: Tensor  # exp(-i pi j step / (2 N)), j step <= 4 N
    fine: Tensor  # exp(-i pi j / (2 N)), j < step
    step: int


def _planes(angle: Tensor, dtype: torch.dtype) -> Tensor:
    """exp(i angle) -> (2, ...)."""
    return torch.stack([angle.cos(), angle.sin()]).to(dtype)


@lru_cache(maxsize=64)
def tile_tables(layout: Layout, dtype: torch.dtype, device: torch.device) -> Tensor:
    """First matrix, twiddles, second matrix of a tile, one after another.

    A tile that is a whole row has its samples turned by exp(i pi n / (2N)), which makes the transform's
    values those at the roots of z^N = i; among several tiles the outer pass has turned them already.
    """
    N1, N2 = layout.rows, layout.columns
    turn = 0.25 if layout.outer == 1 else 0.0  # of a circle, over the N points
    k1, n1 = torch.arange(N1, dtype=torch.float64)[:, None], torch.arange(N1, dtype=torch.float64)
    k2, n2 = torch.arange(N2, dtype=torch.float64)[:, None], torch.arange(N2, dtype=torch.float64)
    circles = (
        (turn * n1 - k1 * n1 % N1) / N1,
        (turn * n2 - k1 * n2) / (N1 * N2),
        -(k2 * n2 % N2) / N2,
    )
    return torch.cat([_planes(2 * torch.pi * part, dtype).flatten() for part in circles]).to(device)


@lru_cache(maxsize=64)
def root_tables(layout: Layout, dtype: torch.dtype, device: torch.device) -> RootTables:
    quarter, N = -0.5 * torch.pi, layout.points
    step = 1 << (4 * N).bit_length() // 2
    count = 4 * N // step + 1

    def powers(number: int, root: float) -> Tensor:
        return _planes(quarter * torch.arange(number, dtype=torch.float64) * root, dtype).to(device)

    outer = powers(4 * layout.outer, 1 / layout.outer)
    return RootTables(outer, powers(count, step / N), powers(step, 1 / N), step)
