"""RSTAR4DNet: streaks that rotate from phase to phase are taken out of films of volumes.

After Deng, Chen, Zhou, Hu, Xu, Sun, Lyu, Xi, Chen and Zhao (2024), https://arxiv.org/abs/2403.16361, and the
authors' notebooks.
"""

from itertools import pairwise
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.models.unet import UNet
from circulant.operators.spatial.separable_conv4d import SeparableConv4d

SLOPE = 0.2
WIDTHS = (1, 2, 4, 8)  # of the levels, in multiples of the width
IMAGES = 2  # the image and its prior


@final
class SeparableUnit4d(nn.Module):
    """bend(S2(S1(x))), two separable convolutions. Shapes: x (B, I, T, D, H, W) -> y (B, O, T, D, H, W)."""

    def __init__(self, in_channels: int, out_channels: int, *, planar: bool, bent: bool = True) -> None:
        super().__init__()
        self.first = SeparableConv4d(in_channels, out_channels, planar=planar)
        self.second = SeparableConv4d(out_channels, out_channels, planar=planar)
        self.bent = bent

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(self.first(x))
        return F.leaky_relu(y, SLOPE) if self.bent else y


@final
class UnitPair4d(nn.Module):
    """Two units, and the first channels of x.  Shapes: x (B, I, T, D, H, W) -> y (B, O, T, D, H, W)."""

    def __init__(self, in_channels: int, out_channels: int, planar: bool) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.units = nn.Sequential(
            SeparableUnit4d(in_channels, out_channels, planar=planar),
            SeparableUnit4d(out_channels, out_channels, planar=planar),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.units(x) + x[:, : self.out_channels]


@final
class Shrink4d(nn.Module):
    """bend(across(within(x))): a strided 3 x 3 convolution of slices, then one of 3 across them.

    Shapes: x (B, I, T, D, H, W) -> y (B, O, T, D / depth_stride, H / stride, W / stride), rounded up.
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, *, planar: bool, depth_stride: int = 1
    ) -> None:
        super().__init__()
        self.within = nn.Conv3d(in_channels, out_channels, (1, 3, 3), (1, stride, stride), (0, 1, 1))
        across = nn.Conv3d(
            out_channels, out_channels, (1, 3, 1), (1, depth_stride, 1), (0, 1, 0), padding_mode="replicate"
        )
        self.across = None if planar else across

    def forward(self, x: Tensor) -> Tensor:
        slices = x.shape[2:4]
        y = self.within(x.flatten(2, 3)).unflatten(2, slices)
        if self.across is not None:
            y = self.across(y.flatten(4)).unflatten(4, y.shape[4:])
        return F.leaky_relu(y, SLOPE)


@final
class Grow4d(nn.Module):
    """Samples of a slice repeated `plane` times, slices `depth` times, phases never; then a unit."""

    def __init__(self, unit: SeparableUnit4d, *, depth: int = 1, plane: int = 1) -> None:
        super().__init__()
        self.unit, self.depth, self.plane = unit, depth, plane

    def forward(self, x: Tensor) -> Tensor:
        scale = (float(self.depth), float(self.plane), float(self.plane))
        grown = F.interpolate(x.flatten(1, 2), scale_factor=scale, mode="nearest")
        return self.unit(grown.unflatten(1, x.shape[1:3]))


@final
class RSTAR4DNet(nn.Module):
    """A U-Net of separable convolutions, slices halved three times; the corrected image comes out.

    Shapes: x (B, 2, T, D, H, W), image and prior (`with_prior`) -> y (B, 1, T, D, H, W). planar: without
    convolutions across slices, to be trained on single ones; `deepened` takes its weights on to volumes,
    where every second slice is left out inside.
    """

    def __init__(self, width: int = 16, *, planar: bool = False) -> None:
        super().__init__()
        if width < 1:
            raise ArgumentError(f"expected a width of 1 or more, got {width}")
        self.width, self.planar = width, planar
        widths = [width * times for times in WIDTHS]
        depth = 1 if planar else 2
        entry = Shrink4d(IMAGES, width, 1, planar=planar, depth_stride=depth)
        pairs: list[nn.Module] = [UnitPair4d(channels, channels, planar) for channels in widths]
        pairs[0] = nn.Sequential(entry, pairs[0])
        levels = list(pairwise(widths))
        self.unet = UNet(
            encoders=pairs[:-1],
            downs=[Shrink4d(fine, coarse, 2, planar=planar) for fine, coarse in levels],
            middle=pairs[-1],
            ups=[Grow4d(SeparableUnit4d(coarse, fine, planar=planar), plane=2) for fine, coarse in levels],
            decoders=[UnitPair4d(2 * fine, fine, planar) for fine, _ in levels],
            head=Grow4d(SeparableUnit4d(width, 1, planar=planar, bent=False), depth=depth),
        )

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 6 or x.shape[1] != IMAGES:
            raise ShapeError(f"expected x (B, 2, T, D, H, W), image and prior, got x {tuple(x.shape)}")
        return self.unet(x)[:, :, :, : x.shape[3]]

    @torch.no_grad()
    def deepened(self) -> "RSTAR4DNet":
        """The network for volumes that starts from these weights: no slice hears of another yet."""
        if not self.planar:
            raise ArgumentError("expected a planar network, got one for volumes; make it with planar=True")
        deep = RSTAR4DNet(self.width).to(next(self.parameters()))
        deep.load_state_dict(self.state_dict(), strict=False)
        for layer in deep.modules():
            if isinstance(layer, SeparableConv4d) and layer.depth is not None:
                for parameter in layer.depth.parameters():
                    nn.init.zeros_(parameter)
            if isinstance(layer, Shrink4d) and layer.across is not None:
                nn.init.dirac_(layer.across.weight)
                assert layer.across.bias is not None
                nn.init.zeros_(layer.across.bias)
        return deep


def with_prior(image: Tensor, prior: Tensor) -> Tensor:
    """image (B, 1, T, D, H, W) and prior (B, 1, D, H, W), the same for all phases -> (B, 2, T, D, H, W)."""
    return torch.cat((image, prior.unsqueeze(2).expand_as(image)), 1)
