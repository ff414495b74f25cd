"""A network that finds ink on a papyrus sheet: a volume goes in, a flat map comes out."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.models.residual import Residual
from circulant.operators.spectral.volumetric_ffc import VolumetricFFC3d

Mixing = Callable[[int], nn.Module]  # channels -> a module that keeps (B, channels, D, H, W)

RESNET_34 = (3, 4, 6, 3)


@final
class NormReLU(nn.Module):
    """Batch norm and ReLU, alike for the local and the global channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm3d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x).relu()


@final
class BasicBlock3d(nn.Module):
    """relu(shortcut(x) + conv(relu(conv(x)))) with 3 x 3 x 3 kernels and batch norms; H and W are strided."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        steps = (1, stride, stride)
        self.branch = nn.Sequential(
            nn.Conv3d(in_channels, out_channels, 3, steps, 1, bias=False),
            NormReLU(out_channels),
            nn.Conv3d(out_channels, out_channels, 3, 1, 1, bias=False),
            nn.BatchNorm3d(out_channels),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            conv = nn.Conv3d(in_channels, out_channels, 1, steps, bias=False)
            self.shortcut = nn.Sequential(conv, nn.BatchNorm3d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        return (self.shortcut(x) + self.branch(x)).relu()


@final
class VFFCInkSegmenter(nn.Module):
    """A 3-D residual encoder, fast Fourier convolutions at its end, and a flat decoder of depth means.

    The encoder halves H and W five times and never the depth. `blocks` residual pairs of Fourier
    convolutions follow. Every level is averaged over depth; from the coarsest on, each is enlarged,
    concatenated with the next finer one and mixed by a 3 x 3 convolution. Each volume is first brought to
    mean 0 and variance 1. The defaults are the published network; mixing replaces its Fourier convolutions.
    Shapes: x (B, C, D, H, W) with H and W multiples of 32 (64 where fast Fourier convolutions have local
    units) -> logits (B, classes, H, W).
    """

    def __init__(
        self,
        in_channels: int = 1,
        classes: int = 1,
        *,
        widths: Sequence[int] = (64, 128, 256, 512),
        depths: Sequence[int] = RESNET_34,
        blocks: int = 3,
        mixing: Mixing = VolumetricFFC3d,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv3d(in_channels, widths[0], 7, (1, 2, 2), 3, bias=False),
            NormReLU(widths[0]),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
        )
        before = (widths[0], *widths)
        self.levels = nn.ModuleList(
            _level(before[i], widths[i], depths[i], 1 if i == 0 else 2) for i in range(len(widths))
        )
        self.fourier = nn.Sequential(*(Residual(_pair(widths[-1], mixing)) for _ in range(blocks)))
        self.merges = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(coarse + fine, fine, 3, padding=1, bias=False), nn.BatchNorm2d(fine), nn.ReLU()
            )
            for fine, coarse in pairwise(widths)
        )
        self.head = nn.Conv2d(widths[0], classes, 1)
        for module in (*self.stem.modules(), *self.levels.modules()):
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        spatial = x.shape[-2:]
        maps = []
        x = self.stem(standardised(x))
        for level in self.levels:
            x = level(x)
            maps.append(x)
        maps[-1] = self.fourier(x)
        flat = [values.mean(2) for values in maps]
        y = flat.pop()
        for merge, finer in zip(reversed(self.merges), reversed(flat)):
            y = merge(torch.cat([finer, _enlarged(y, finer.shape[-2:])], 1))
        return _enlarged(self.head(y), spatial)


def standardised(x: Tensor) -> Tensor:
    """Each example with mean 0 and variance 1."""
    variance, mean = torch.var_mean(x, (1, 2, 3, 4), keepdim=True, correction=0)
    return (x - mean) * torch.rsqrt(variance + 1e-6)


def _level(in_channels: int, out_channels: int, depth: int, stride: int) -> nn.Sequential:
    rest = (BasicBlock3d(out_channels, out_channels) for _ in range(depth - 1))
    return nn.Sequential(BasicBlock3d(in_channels, out_channels, stride), *rest)


def _pair(channels: int, mixing: Mixing) -> nn.Sequential:
    return nn.Sequential(mixing(channels), NormReLU(channels), mixing(channels), NormReLU(channels))


def _enlarged(x: Tensor, spatial: torch.Size) -> Tensor:
    return F.interpolate(x, spatial, mode="bilinear", align_corners=False)
