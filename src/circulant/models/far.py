"""Fourier activity recognition: a small video network that weighs what moves in the middle of its way."""

from collections.abc import Sequence
from typing import final

from torch import Tensor, nn

from circulant.operators.spectral.fourier_attention3d import FourierAttention3d
from circulant.operators.spectral.fourier_object_disentangle import FourierObjectDisentangle

X3D_INNER, X3D_OUTER = (54, 108, 216, 432), (24, 48, 96, 192)
X3D_DEPTHS = (3, 5, 11, 7)
HEAD_CHANNELS = 2048


@final
class FAR(nn.Module):
    """X3D whose second stage is followed by attention(x) + disentangle(x), neither with parameters.

    The stem sees 3 x 3 pixels, then 5 frames; each stage halves H and W, and no layer the number of frames.
    The defaults are the published network (X3D-M). Deviation: batch norms see the whole batch, where the
    authors' code gives each eighth of it statistics of its own. plain=True leaves the Fourier parts out.
    Shapes: x (B, C, T, H, W) -> logits (B, classes).
    """

    def __init__(
        self,
        classes: int,
        in_channels: int = 3,
        *,
        inner: Sequence[int] = X3D_INNER,
        outer: Sequence[int] = X3D_OUTER,
        depths: Sequence[int] = X3D_DEPTHS,
        head: int = HEAD_CHANNELS,
        dropout: float = 0.5,
        plain: bool = False,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv3d(in_channels, outer[0], (1, 3, 3), (1, 2, 2), (0, 1, 1), bias=False),
            nn.Conv3d(outer[0], outer[0], (5, 1, 1), 1, (2, 0, 0), groups=outer[0], bias=False),
            nn.BatchNorm3d(outer[0]),
            nn.ReLU(),
        )
        before = (outer[0], *outer)
        stages = [_stage(*sizes) for sizes in zip(before, inner, outer, depths)]
        self.early, self.late = nn.Sequential(*stages[:2]), nn.Sequential(*stages[2:])
        self.attention = None if plain else FourierAttention3d(outer[1])
        self.disentangle = None if plain else FourierObjectDisentangle(outer[1])
        self.head = nn.Sequential(
            nn.Conv3d(outer[-1], inner[-1], 1, bias=False),
            nn.BatchNorm3d(inner[-1]),
            nn.ReLU(),
            nn.AdaptiveAvgPool3d(1),
            nn.Flatten(),
            nn.Linear(inner[-1], head, bias=False),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(head, classes),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        x = self.early(self.stem(x))
        if self.attention is not None and self.disentangle is not None:
            x = self.attention(x) + self.disentangle(x)
        return self.head(self.late(x))


@final
class X3DBlock(nn.Module):
    """relu(shortcut(x) + project(silu(gate(depthwise(relu(expand(x))))))), each map with a batch norm."""

    def __init__(
        self, in_channels: int, inner: int, out_channels: int, stride: int = 1, *, gated: bool = False
    ) -> None:
        super().__init__()
        steps = (1, stride, stride)
        self.branch = nn.Sequential(
            nn.Conv3d(in_channels, inner, 1, bias=False),
            nn.BatchNorm3d(inner),
            nn.ReLU(),
            nn.Conv3d(inner, inner, 3, steps, 1, groups=inner, bias=False),
            nn.BatchNorm3d(inner),
            _Gate(inner) if gated else nn.Identity(),
            nn.SiLU(),
            nn.Conv3d(inner, out_channels, 1, bias=False),
            nn.BatchNorm3d(out_channels),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            conv = nn.Conv3d(in_channels, out_channels, 1, steps, bias=False)
            self.shortcut = nn.Sequential(conv, nn.BatchNorm3d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        return (self.shortcut(x) + self.branch(x)).relu()


@final
class _Gate(nn.Module):
    """Squeeze-and-excitation with a sixteenth of the channels, as a multiple of eight, in between."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(8, (channels // 16 + 4) // 8 * 8)
        if hidden < 0.9 * channels / 16:
            hidden += 8
        self.reduce, self.expand = nn.Linear(channels, hidden), nn.Linear(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        gate = self.expand(self.reduce(x.flatten(2).mean(-1)).relu()).sigmoid()
        return x * gate[..., None, None, None]


def _stage(in_channels: int, inner: int, out_channels: int, depth: int) -> nn.Sequential:
    """Every other block is gated, the first one too."""
    blocks = [X3DBlock(in_channels, inner, out_channels, 2, gated=True)]
    blocks += [X3DBlock(out_channels, inner, out_channels, gated=i % 2 == 0) for i in range(1, depth)]
    return nn.Sequential(*blocks)
