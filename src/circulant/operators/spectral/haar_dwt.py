"""Haar transforms as layers without parameters, and pyramids of them."""

from typing import ClassVar, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.errors import ShapeError
from circulant.engine.wavelet import dwt, idwt


class _HaarDWT(nn.Module):
    """Abstract over the number of spatial axes. An orthogonal map: energy is kept, the inverse exact.

    Shapes: x (B, C, *spatial), even sizes -> y (B, 2^d C, *spatial / 2). Each channel's bands are neighbours:
    in 2-D low, high along W, high along H, high along both.
    """

    ndim: ClassVar[int]

    def forward(self, x: Tensor) -> Tensor:
        return dwt(x, self.ndim).flatten(1, 2)

    def inverse(self, bands: Tensor) -> Tensor:
        """bands (B, 2^d C, *spatial) -> x (B, C, *2 spatial)."""
        count = 2**self.ndim
        if bands.shape[1] % count:
            raise ShapeError(f"expected bands (B, {count} C, *spatial), got {tuple(bands.shape)}")
        return idwt(bands.unflatten(1, (bands.shape[1] // count, count)), self.ndim)


@final
class HaarDWT1d(_HaarDWT):
    ndim = 1


@final
class HaarDWT2d(_HaarDWT):
    ndim = 2


@final
class HaarDWT3d(_HaarDWT):
    ndim = 3


def haar_pyramid(x: Tensor, levels: int) -> list[Tensor]:
    """The four bands (B, 4 C, H / 2^l, W / 2^l) of each level l = 1 .. levels, each of the low band before.

    x (B, C, H, W) is padded with zeros at its end to multiples of 2^levels.
    """
    step, (H, W) = 2**levels, x.shape[-2:]
    # as products of counts: of remainders, symbolic sizes grow with every level
    height, width = ((n + step - 1) // step * step for n in (H, W))
    if torch.compiler.is_compiling() or (height, width) != (H, W):
        x = F.pad(x, (0, width - W, 0, height - H))
    found = []
    for _ in range(levels):
        bands = dwt(x, 2)
        x = bands[:, :, 0]
        found.append(bands.flatten(1, 2))
    return found
