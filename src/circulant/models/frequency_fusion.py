"""Skip connections that meet in the frequency domain, with nothing to learn."""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.sizes import Shape
from circulant.engine.transform import irfftn, rfftn
from circulant.models.unet import cropped

DECODED_BAND = 0.5  # of the frequencies along each axis: those that half the grid can hold


def frequency_fusion(x: Tensor, skip: Tensor, band: float = DECODED_BAND) -> Tensor:
    """Low frequencies of x, all others of skip.  Shapes: x, skip (B, C, *spatial) -> y (B, C, *spatial).

    Low are those of at most band / 2 cycles per sample along every axis. x comes from a decoder, enlarged
    from a grid of half the size, and has nothing to say above half the band; skip comes from the encoder.
    """
    if x.shape != skip.shape:
        raise ShapeError(
            f"expected x of skip's shape {tuple(skip.shape)}, got {tuple(x.shape)}; crop it or map channels"
        )
    spatial = tuple(skip.shape[2:])
    kept = low_band(spatial, band, device=x.device)[..., None].to(x.dtype)
    return skip + irfftn(rfftn(x - skip, len(spatial)) * kept, spatial)


def low_band(spatial: Shape, band: float, device: torch.device | None = None) -> Tensor:
    """Which bins of `rfftn` are at most band / 2 cycles per sample along every axis -> bool (*bins)."""
    is_low = torch.ones((), dtype=torch.bool, device=device)
    for axis, n in enumerate(spatial):
        bins = n // 2 + 1 if axis == len(spatial) - 1 else n
        index = torch.arange(bins, device=device)
        is_low = is_low[..., None] & (2 * torch.minimum(index, n - index) <= band * n)
    return is_low


@final
class FrequencyFusion(nn.Module):
    """`frequency_fusion` as the join of a U-shaped network; x is cropped to the grid of the skip."""

    def __init__(self, band: float = DECODED_BAND) -> None:
        super().__init__()
        if not 0 <= band <= 1:
            raise ArgumentError(f"expected band as a share of the frequencies, from 0 to 1, got {band}")
        self.band = band

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return frequency_fusion(cropped(x, skip), skip, self.band)
