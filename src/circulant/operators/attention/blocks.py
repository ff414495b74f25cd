"""A map cut into blocks with a halo around each, one axis at a time."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor


@final
@dataclass(frozen=True, slots=True)
class AxisBlocks:
    """Blocks along one axis; positions that would lie outside repeat the nearest one inside."""

    queries: Tensor  # (T, b / s), in strides
    keys: Tensor  # (T, b + 2 h)
    inside: Tensor  # (T, b + 2 h): whether the key was there


def axis_blocks(length: int, block: int, halo: int, stride: int, device: torch.device) -> AxisBlocks:
    number = torch.arange(-(-length // block), device=device)[:, None]
    queries = number * (block // stride) + torch.arange(block // stride, device=device)
    keys = number * block + torch.arange(-halo, block + halo, device=device)
    inside = (keys >= 0) & (keys < length)
    return AxisBlocks(queries.clamp(max=(length - 1) // stride), keys.clamp(0, length - 1), inside)
