"""Low passes of convolutions on enlarged inputs, as gains for the bins of `rfftn`."""

from enum import Enum, auto

import torch
from torch import Tensor

from circulant.core.sizes import Shape


class LowPass(Enum):
    """How gains fall above the frequencies that the smaller grid could hold."""

    SOFT = auto()  # by a ramp of an eighth of the samples
    WEAK = auto()  # by a ramp as far as the highest frequency
    IDEAL = auto()  # at once, to 0


def low_pass_gains(
    sizes: Shape, scales: tuple[float, ...], kind: LowPass, floor: float, like: Tensor
) -> Tensor:
    """(1, *bins) of products over the axes, each from 1 below half the samples over its scale to floor."""
    gains = torch.ones((1,), dtype=like.dtype, device=like.device)
    for axis, (size, scale) in enumerate(zip(sizes, scales), 1):
        bins = size // 2 + 1 if axis == len(sizes) else size
        index = torch.arange(bins, device=like.device)
        frequency = torch.minimum(index, size - index).to(like.dtype)  # both signs alike
        gains = gains.unsqueeze(-1) * _gains(frequency, size, scale, kind, floor)
    return gains


def _gains(frequency: Tensor, size: int, scale: float, kind: LowPass, floor: float) -> Tensor:
    if kind is LowPass.IDEAL:
        return (2 * scale * frequency <= size).to(frequency.dtype)
    half = size // 2
    ramp = size // 8 if kind is LowPass.SOFT else (scale - 1) * size // (2 * scale)
    return ((1 - floor) / max(ramp, 1) * (half / scale + 1 - frequency) + 1).clamp(floor, 1)
