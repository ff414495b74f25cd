"""How a deformable convolution's numbers are laid out: where each tap reads, and what it weighs."""

from dataclasses import dataclass

import torch
from torch import Tensor

MULTIPLE = 8  # rows are rounded up to it, so that a position's numbers can be loaded in aligned chunks


@dataclass(frozen=True, slots=True)
class TapRows:
    """offset (B, G, taps, 2, H, W), vertical then horizontal; weight (B, G, taps, H, W); taps row by row."""

    offset: Tensor
    weight: Tensor


def row_count(groups: int, kernel_size: int) -> int:
    return -(-3 * kernel_size**2 * groups // MULTIPLE) * MULTIPLE


def read_rows(rows: Tensor, groups: int, kernel_size: int) -> TapRows:
    """rows (B, H, W, row_count), for each group 2 K^2 offsets and then K^2 weights.

    Offsets come as horizontal, vertical; the horizontal tap is the outer index of offsets and weights.
    """
    K = kernel_size
    grouped = rows[..., : 3 * K**2 * groups].unflatten(-1, (groups, 3 * K**2))
    pairs = grouped[..., : 2 * K**2].unflatten(-1, (K, K, 2)).flip(-1)
    weights = grouped[..., 2 * K**2 :].unflatten(-1, (K, K))
    return TapRows(
        offset=pairs.permute(0, 3, 5, 4, 6, 1, 2).flatten(2, 3),
        weight=weights.permute(0, 3, 5, 4, 1, 2).flatten(2, 3),
    )


def scaled_offset(offset: Tensor, scale: float, kernel_size: int, dilation: int) -> Tensor:
    """Stretch the grid with the offsets: r (q + o) lies r o + (r - 1) q away from tap q."""
    steps = dilation * (torch.arange(kernel_size, device=offset.device) - kernel_size // 2)
    taps = torch.cartesian_prod(steps, steps)[..., None, None].to(offset.dtype)
    return offset if scale == 1 else scale * offset + (scale - 1) * taps
