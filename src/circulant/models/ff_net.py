"""FastForwardNet: a network for pictures whose every layer is two depthwise kernels or an MLP beside one.

After Yun, Lee and Ro (2024), MetaMixer Is All You Need, https://arxiv.org/abs/2406.02021, and its published
code.
"""

from copy import deepcopy
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.models.heads import PoolHead
from circulant.models.normed_convs import NormedConvs, NormedSkip, merge_convs
from circulant.models.residual import Residual
from circulant.operators.spatial.ffnified_attention2d import LARGE, SMALL, FFNifiedAttention2d

RATIO = 3  # of the channel mixers
DOWN_KERNEL = 7
WEIGHT_SPREAD = 0.02


@final
@dataclass(frozen=True, slots=True)
class FastForwardDesign:
    """Sizes, one number for each stage; scale is what the factor of each branch starts at, None for none."""

    channels: tuple[int, ...]
    depths: tuple[int, ...]
    mixer_kernels: tuple[int, ...] = (3, 3, 7, 7)
    channel_kernels: tuple[int, ...] = (7, 7, 7, 7)
    stem: int = 64
    scale: float | None = None


FFNET_1 = FastForwardDesign((80, 160, 320, 640), (2, 2, 8, 2), channel_kernels=(3, 3, 3, 3))
FFNET_2 = FastForwardDesign((88, 176, 352, 704), (3, 3, 15, 3))
FFNET_3 = FastForwardDesign((96, 192, 384, 768), (4, 4, 22, 5), scale=1e-6)
FFNET_4 = FastForwardDesign((128, 256, 512, 1024), (4, 4, 27, 3), scale=1e-6)


@final
class FastForwardNet(nn.Module):
    """Stem, stages and a linear head.  Shapes: x (B, C, H, W) -> logits (B, classes)."""

    def __init__(
        self,
        design: FastForwardDesign = FFNET_1,
        classes: int = 1000,
        in_channels: int = 3,
        *,
        drop_path: float = 0.0,
    ) -> None:
        """drop_path: rate of the last layer; earlier ones have less, evenly."""
        super().__init__()
        stages = list(zip(design.channels, design.depths, design.mixer_kernels, design.channel_kernels))
        if not stages or len(stages) != len(design.channels):
            raise ArgumentError(f"expected one stage or more with all its sizes, got {design}; see FFNET_1")
        layers: list[nn.Module] = [
            NormedConvs(in_channels, design.stem, (3,), stride=2),
            nn.GELU(),
            NormedConvs(design.stem, design.channels[0], (3,), stride=2),
        ]
        channels, count, deepest = design.channels[0], 0, max(sum(design.depths) - 1, 1)
        for number, (width, depth, mixer_kernel, channel_kernel) in enumerate(stages):
            if number:
                layers += downsample(channels, width)
                channels = width
            for _ in range(depth):
                rate = drop_path * count / deepest
                mixers = FFNifiedAttention2d(width, mixer_kernel), channel_mixer(width, channel_kernel)
                layers += (
                    Residual(mixer, channels=width, scale=design.scale, drop_path=rate) for mixer in mixers
                )
                count += 1
        self.body = nn.Sequential(*layers)
        self.head = PoolHead(channels, classes, nn.BatchNorm2d(channels))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Weights of convolutions and of the head from a narrow normal distribution, their biases zero."""
        for name, parameter in self.named_parameters():
            if parameter.ndim > 1:
                nn.init.trunc_normal_(parameter, std=WEIGHT_SPREAD)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))

    def reparameterize(self) -> None:
        """Merge norms and small kernels into the convolutions before them, in place."""
        merge_convs(self.body)
        for module in self.body.modules():
            if isinstance(module, FFNifiedAttention2d):
                module.reparameterize()

    def fuse(self) -> "FastForwardNet":
        """A merged copy."""
        copy = deepcopy(self)
        copy.reparameterize()
        return copy


def channel_mixer(channels: int, kernel: int) -> nn.Sequential:
    """A depthwise convolution with its norm, then an MLP over the channels."""
    hidden = RATIO * channels
    return nn.Sequential(
        NormedConvs(channels, channels, kernels_of(kernel), groups=channels),
        nn.Conv2d(channels, hidden, 1),
        nn.GELU(),
        nn.Conv2d(hidden, channels, 1),
    )


def downsample(channels: int, width: int) -> tuple[nn.Module, ...]:
    """Half the grid, each channel into width / channels others, which are then mixed."""
    down = NormedConvs(channels, width, kernels_of(DOWN_KERNEL), stride=2, groups=channels)
    return down, NormedSkip(width)


def kernels_of(kernel: int) -> tuple[int, ...]:
    """A large kernel is trained beside a small one."""
    return (kernel, SMALL.kernel_size) if kernel >= LARGE else (kernel,)
