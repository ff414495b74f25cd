"""CFSR: light super-resolution by ConvFormer layers.

After Wu, Jiang, Jiang and Liu (2024), Transforming Image Super-Resolution: A ConvFormer-based
Efficient Approach, https://arxiv.org/abs/2401.05633, with the sizes of the published code.
"""

from copy import deepcopy
from typing import final

import torch
from torch import Tensor, nn

from circulant.models.channel_norm import ChannelLayerNorm
from circulant.models.residual import Residual
from circulant.operators.spatial.conv_former_layer2d import EPS, ConvFormerLayer2d
from circulant.operators.spatial.sub_pixel_conv import SubPixelConv2d

MEAN_COLOUR = (0.4488, 0.4371, 0.4040)  # of DIV2K, red, green and blue; 0 for other numbers of channels


@final
class CFSR(nn.Module):
    """Groups of layers between two 3x3 convolutions and a skip, then sub-pixels.

    Shapes: x (B, C, H, W), from 0 to 1 -> y (B, C, r H, r W).
    """

    mean: Tensor

    def __init__(
        self,
        factor: int,
        colours: int = 3,
        *,
        channels: int = 48,
        depths: tuple[int, ...] = (6, 6),
        kernel_size: int = 9,
        ratio: int = 2,
        scale: float = 1e-6,
    ) -> None:
        """scale: what each layer's branches start at."""
        super().__init__()
        mean = MEAN_COLOUR if colours == len(MEAN_COLOUR) else (0.0,) * colours
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.first = nn.Conv2d(colours, channels, 3, padding=1)
        self.groups = nn.Sequential()
        for depth in depths:
            layers = (
                ConvFormerLayer2d(channels, kernel_size, ratio=ratio, scale=scale) for _ in range(depth)
            )
            self.groups.append(Residual(nn.Sequential(*layers, nn.Conv2d(channels, channels, 1))))
        self.norm = ChannelLayerNorm(channels, EPS)
        self.last = nn.Conv2d(channels, channels, 3, padding=1)
        self.upscale = SubPixelConv2d(channels, colours, 3, padding=1, factor=factor)

    def forward(self, x: Tensor) -> Tensor:
        shallow = self.first(x - self.mean)
        deep = self.last(self.norm(self.groups(shallow)))
        y: Tensor = self.upscale(deep + shallow)
        return y + self.mean

    def reparameterize(self) -> None:
        """Merge every layer's edge masks into one kernel, in place."""
        for layer in self.groups.modules():
            if isinstance(layer, ConvFormerLayer2d):
                layer.reparameterize()

    def fuse(self) -> "CFSR":
        """A merged copy."""
        copy = deepcopy(self)
        copy.reparameterize()
        return copy
