"""A network for series of satellite bands: Fourier convolutions, then one capsule for each class."""

from collections.abc import Collection, Sequence
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.models.capsule_encoder import CapsuleEncoder
from circulant.operators.spectral.fourier_conv import BY_NDIM

PRESENT, ABSENT, DOWN_WEIGHT = 0.9, 0.1, 0.5  # margins of the lengths, as Sabour et al. (2017)


@final
class BandFilter(nn.Module):
    """Zero in every band but those kept.  Shapes: x (B, bands, *) -> (B, bands, *)."""

    kept: Tensor

    def __init__(self, bands: int, kept: Collection[int]) -> None:
        super().__init__()
        if not kept or not all(0 <= band < bands for band in kept):
            raise ArgumentError(f"expected some of the bands 0 to {bands - 1}, got {sorted(kept)}")
        mask = torch.zeros(bands)
        mask[list(kept)] = 1
        self.register_buffer("kept", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.kept.to(x.dtype).reshape(-1, *(1,) * (x.ndim - 2))


@final
class FFDNN(nn.Module):
    """Band filter, Fourier convolutions with batch norm and ReLU, capsules; classes by their lengths.

    kept: the bands that vegetation indices need (`data.vegetation_indices.bands_of`); None for all.
    Sizes of the layers are not published; these are ours.
    Shapes: x (B, C, *spatial) with ndim axes -> lengths (B, classes) from 0 to 1, for `margin_loss`.
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        *,
        ndim: int = 1,
        widths: Sequence[int] = (32, 32),
        modes: int = 16,
        kept: Collection[int] | None = None,
    ) -> None:
        super().__init__()
        self.filter = nn.Identity() if kept is None else BandFilter(channels, kept)
        norm = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}[ndim]
        layers: list[nn.Module] = []
        for before, after in zip((channels, *widths), widths):
            layers += [BY_NDIM[ndim](before, after, modes), norm(after), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.encoder = CapsuleEncoder(widths[-1], classes, ndim=ndim)

    def forward(self, x: Tensor) -> Tensor:
        capsules = self.encoder(self.features(self.filter(x)))
        return torch.linalg.vector_norm(capsules, dim=-1)


def margin_loss(lengths: Tensor, classes: Tensor) -> Tensor:
    """Lengths (B, classes) of at least 0.9 for the class that is there and of at most 0.1 for others."""
    present = F.one_hot(classes, lengths.shape[1]).to(lengths.dtype)
    short, long = (PRESENT - lengths).relu().square(), (lengths - ABSENT).relu().square()
    return (present * short + DOWN_WEIGHT * (1 - present) * long).sum(1).mean()
