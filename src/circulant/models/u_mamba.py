"""U-Mamba: a U-shaped network of residual convolutions, with Mamba where the grid is coarsest."""

from collections.abc import Sequence
from itertools import pairwise
from typing import final

from torch import Tensor, nn

from circulant.models.channel_norm import ChannelLayerNorm
from circulant.models.unet import UNet
from circulant.operators.sequence.selective_ssm1d import SelectiveSsm1d

CONV = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
NORM = {1: nn.InstanceNorm1d, 2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}
SLOPE = 0.01  # of the leaky ReLU below zero


@final
class ResidualConvs(nn.Module):
    """act(norm(conv(act(norm(conv(x))))) + shortcut(x)), the first convolution and the shortcut strided.

    Shapes: x (B, C, *spatial) -> y (B, D, *ceil(spatial / stride)).
    """

    def __init__(self, in_channels: int, out_channels: int, ndim: int, stride: int = 1) -> None:
        super().__init__()
        conv, norm = CONV[ndim], NORM[ndim]
        self.first = conv(in_channels, out_channels, 3, stride, 1)
        self.first_norm = norm(out_channels, affine=True)
        self.second = conv(out_channels, out_channels, 3, 1, 1)
        self.second_norm = norm(out_channels, affine=True)
        self.shortcut = conv(in_channels, out_channels, 1, stride)
        self.activation = nn.LeakyReLU(SLOPE)

    def forward(self, x: Tensor) -> Tensor:
        y = self.activation(self.first_norm(self.first(x)))
        return self.activation(self.second_norm(self.second(y)) + self.shortcut(x))


@final
class UMambaBlock(nn.Module):
    """Residual convolutions, then all positions in one sequence: norm and Mamba, with no way around it.

    Shapes: x (B, C, *spatial) -> y (B, D, *ceil(spatial / stride)).
    """

    def __init__(
        self, in_channels: int, out_channels: int, ndim: int, *, stride: int = 1, states: int = 16
    ) -> None:
        super().__init__()
        self.convolutions = ResidualConvs(in_channels, out_channels, ndim, stride)
        self.norm = ChannelLayerNorm(out_channels)
        self.mamba = SelectiveSsm1d(out_channels, states)

    def forward(self, x: Tensor) -> Tensor:
        y = self.convolutions(x)
        return self.mamba(self.norm(y).flatten(2)).reshape(y.shape)


def u_mamba(in_channels: int, classes: int, widths: Sequence[int], ndim: int) -> UNet:
    """Logits (B, classes, *spatial) for every position of x (B, C, *spatial).

    widths: channels of each level, from the finest to the coarsest, where Mamba stands. Each level's first
    convolution halves the grid; coming up, positions are repeated and a linear map fits their channels.
    """
    conv, pairs = CONV[ndim], list(pairwise(widths))
    stem = [ResidualConvs(given, widths[0], ndim) for given in (in_channels, widths[0])]
    return UNet(
        encoders=[
            nn.Sequential(*stem),
            *(ResidualConvs(fine, coarse, ndim, 2) for fine, coarse in pairs[:-1]),
        ],
        downs=[nn.Identity() for _ in pairs],
        middle=UMambaBlock(*pairs[-1], ndim, stride=2),
        ups=[nn.Sequential(nn.Upsample(scale_factor=2), conv(coarse, fine, 1)) for fine, coarse in pairs],
        decoders=[ResidualConvs(2 * fine, fine, ndim) for fine, _ in pairs],
        head=conv(widths[0], classes, 1),
    )
