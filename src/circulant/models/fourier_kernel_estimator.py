"""A deblurring kernel as large as the picture, estimated in the spectrum and applied to features.

After Mao, Song, Liu, Li and Wang (2025), DeepRFTv2: Kernel-level Learning for Image Deblurring,
https://arxiv.org/abs/2511.21132, and its published code.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.pairs import times
from circulant.core.sizes import product
from circulant.engine.transform import irfftn, rfftn
from circulant.models.naf_block import naf_block


@final
@dataclass(frozen=True, slots=True)
class Deblurred:
    """Features (B, C, H, W) after the kernel, and the picture (B, colours, H, W) that they show."""

    feature: Tensor
    picture: Tensor


def transferred(y: Tensor, transfer: Tensor) -> Tensor:
    """irfft2(K rfft2(y)): y (B, C, H, W) in a circle with the kernels irfft2(K), K (B, C, *bins, 2)."""
    return irfftn(times(rfftn(y, 2), transfer.to(y.dtype)), tuple(y.shape[2:]))


@final
class FourierKernelEstimator(nn.Module):
    """K from the spectrum of [blurred; restored; feature]; then y, a map of the feature, through K.

    K = W_2 blocks(W_1 [Re X; Im X]) + b in pairs, X the spectrum of x; x and y are linear in each position,
    and NAF blocks run over the bins as over pixels. The result is fused with the feature, and a 3x3
    convolution shows it as what is to be added to the blurred picture. No kernel is given as a label.
    Deviation: the spectrum that is looked at is orthonormal, the published one grows with the picture;
    W_1, which comes first, can make up for any factor.
    """

    def __init__(self, channels: int, depth: int = 1, colours: int = 3) -> None:
        super().__init__()
        self.look = nn.Conv2d(2 * colours + channels, channels, 1, bias=False)
        self.carry = nn.Conv2d(channels, channels, 1, bias=False)
        self.enter = nn.Conv2d(2 * channels, channels, 1, bias=False)
        self.blocks = nn.Sequential(*(naf_block(channels) for _ in range(depth)))
        self.leave = nn.Conv2d(channels, 2 * channels, 1)
        self.fuse = nn.Conv2d(2 * channels, channels, 1, bias=False)
        self.show = nn.Conv2d(channels, colours, 3, padding=1)

    def forward(self, blurred: Tensor, restored: Tensor, feature: Tensor) -> Deblurred:
        """Pictures (B, colours, H, W) and a feature (B, C, H, W) of the same size."""
        sharper = transferred(self.carry(feature), self.transfer(blurred, restored, feature))
        fused = self.fuse(torch.cat([sharper, feature], 1))
        return Deblurred(fused, self.show(fused) + blurred)

    def transfer(self, blurred: Tensor, restored: Tensor, feature: Tensor) -> Tensor:
        """The estimate K (B, C, H, W // 2 + 1, 2)."""
        seen = self.look(torch.cat([blurred, restored, feature], 1))
        re, im = (rfftn(seen, 2) * product(seen.shape[2:]) ** -0.5).unbind(-1)
        made = self.leave(self.blocks(self.enter(torch.cat([re, im], 1))))
        return torch.stack(made.chunk(2, 1), -1)
