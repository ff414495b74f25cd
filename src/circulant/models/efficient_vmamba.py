"""EfficientVMamba: atrous selective scans on the fine grids, inverted residuals on the coarse ones."""

from collections.abc import Sequence
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.models.channel_mlp import ChannelMlp
from circulant.models.channel_norm import ChannelLayerNorm
from circulant.models.heads import PoolHead
from circulant.models.residual import DropPath, Residual
from circulant.operators.gates.squeeze_excitation import SqueezeExcitation2d
from circulant.operators.sequence.efficient_visual_state_space2d import EfficientVisualStateSpace2d

PATCH, EXPAND, REDUCTION = 4, 4, 8
SCANNED_STAGES = 2


@final
class InvertedResidual(nn.Module):
    """x + project(gate(depthwise(expand(x)))), batch norm after each, ReLU after the first two.

    Shapes: x (B, C, H, W) -> y (B, C, H, W); EXPAND C channels inside, gated by squeeze and excitation.
    """

    def __init__(self, channels: int, drop_path: float = 0.0) -> None:
        super().__init__()
        hidden = EXPAND * channels
        self.branch = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU(),
            nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU(),
            SqueezeExcitation2d(hidden, REDUCTION),
            nn.Conv2d(hidden, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            DropPath(drop_path),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)


@final
class PatchMerge2d(nn.Module):
    """Four neighbours become one position: norm over their channels, then a linear map.

    Shapes: x (B, C, H, W) -> y (B, D, ceil(H / 2), ceil(W / 2)); odd sizes get zeros at the end.
    """

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * channels)
        self.reduce = nn.Linear(4 * channels, out_channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2))
        parts = [x[:, :, row::2, column::2] for column in (0, 1) for row in (0, 1)]
        return self.reduce(self.norm(torch.cat(parts, 1).movedim(1, -1))).movedim(-1, 1)


@final
class EfficientVMamba(nn.Module):
    """Patches of 4 x 4, four stages with a merge of neighbours between them, and a linear head.

    Shapes: x (B, C, H, W) -> logits (B, classes). The first two stages are EVSS blocks, each followed by an
    MLP if mlp_ratio is above 0; the last two inverted residuals, the only ones whose paths drop_path drops.
    """

    def __init__(
        self,
        widths: Sequence[int],
        depths: Sequence[int],
        classes: int,
        *,
        in_channels: int = 3,
        states: int = 16,
        mlp_ratio: float = 0.0,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.embed = nn.Sequential(
            nn.Conv2d(in_channels, widths[0], PATCH, PATCH), ChannelLayerNorm(widths[0])
        )
        rates = torch.linspace(0, drop_path, sum(depths), device="cpu").tolist()
        layers: list[nn.Module] = []
        for stage, (width, depth) in enumerate(zip(widths, depths)):
            if stage > 0:
                layers.append(PatchMerge2d(widths[stage - 1], width))
            for _ in range(depth):
                rate = rates.pop(0)
                scanned = stage < SCANNED_STAGES
                layers.append(
                    EfficientVisualStateSpace2d(width, states) if scanned else InvertedResidual(width, rate)
                )
                if scanned and mlp_ratio > 0:
                    mlp = ChannelMlp(width, round(mlp_ratio * width))
                    layers.append(Residual(mlp, ChannelLayerNorm(width)))
        self.layers = nn.Sequential(*layers)
        self.head = PoolHead(widths[-1], classes, ChannelLayerNorm(widths[-1]))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layers(self.embed(x)))


def efficient_vmamba_tiny(classes: int = 1000) -> EfficientVMamba:
    return EfficientVMamba((48, 96, 192, 384), (2, 2, 4, 2), classes)


def efficient_vmamba_small(classes: int = 1000) -> EfficientVMamba:
    """Widths that give the published size; the authors' configuration file has those of the base model."""
    return EfficientVMamba((64, 128, 256, 512), (2, 2, 4, 2), classes)


def efficient_vmamba_base(classes: int = 1000) -> EfficientVMamba:
    return EfficientVMamba((96, 192, 384, 768), (2, 2, 9, 2), classes)
