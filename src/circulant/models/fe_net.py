"""FE-Net: a network of 1x1 convolutions whose channels are mixed step by step, and a few shifts.

After Chen, Xie, Zhang and Pu (2019), All You Need is a Few Shifts: Designing Efficient Convolutional Neural
Networks for Image Classification, https://arxiv.org/abs/1903.05285, and its published code. There each unit
is `expand` times as wide as its output, which makes 773 million multiply-adds of the 563 million published;
here as its input, an alternative that the code carries along and that makes 563.
"""

from collections.abc import Iterator
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.models.heads import PoolHead
from circulant.operators.spatial.sparse_shift import SparseShift2d

HEAD_CHANNELS = 1932
DROPOUT = 0.2
# of each block: how many times the grid's channels in and out, steps of mixing, whether it halves the grid
BLOCKS = ((2, 4, 3, True), (4, 8, 4, True), (8, 8, 4, False), (8, 16, 4, True), (16, 16, 3, False))


@final
class ShiftUnit(nn.Module):
    """BN(project(move(relu(BN(expand(x)))))): 1x1 convolutions around a shift, or a 2x2 mean that halves.

    Wide in the middle: expand times the channels in. Added to x where is_residual.
    Shapes: x (B, C, H, W) -> y (B, D, H, W), or (B, D, H // 2, W // 2).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        expand: int = 6,
        *,
        reach: int = 2,
        halves: bool = False,
        is_residual: bool = False,
    ) -> None:
        super().__init__()
        hidden = expand * in_channels
        self.is_residual = is_residual
        self.branch = nn.Sequential(
            nn.Conv2d(in_channels, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU(),
            nn.AvgPool2d(2) if halves else SparseShift2d(hidden, reach),
            nn.Conv2d(hidden, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x) if self.is_residual else self.branch(x)


@final
class FeatureBlock(nn.Module):
    """Mixes the last channels first, then twice as many with each step, at last all of them.

    The channels are cut in half, the second half again, and so on, into `steps` parts; each residual unit
    takes what the one before it gave, and the next part in front. Shapes: as of the last unit.
    """

    def __init__(
        self, in_channels: int, out_channels: int, steps: int, *, reach: int = 2, halves: bool = False
    ) -> None:
        super().__init__()
        if in_channels % 2 ** (steps - 1):
            raise ArgumentError(
                f"expected in_channels that can be halved {steps - 1} times, got {in_channels}"
            )
        widths = [in_channels >> step for step in range(steps - 1, 0, -1)]
        self.parts = [in_channels >> step for step in range(1, steps)] + widths[:1]
        self.units = nn.ModuleList(ShiftUnit(C, C, reach=reach, is_residual=True) for C in widths)
        self.last = ShiftUnit(in_channels, out_channels, reach=reach, halves=halves)

    def forward(self, x: Tensor) -> Tensor:
        *waiting, mixed = x.split(self.parts, 1)
        for unit in self.units:
            mixed = torch.cat((waiting.pop(), unit(mixed)), 1)
        return self.last(mixed)


@final
class FENet(nn.Module):
    """Strided stem, a unit that shifts, one that halves, and five blocks.

    width 1.375 is the published network of 563 million multiply-adds at 224 x 224 and 5.9 million parameters;
    width 1 with a head of 1536 channels has the 301 and 3.7 million published for 1.0. Add
    `train.shift_penalty` to the loss; the authors let shifts learn in the first half of a training only.
    Shapes: x (B, C, H, W) -> logits (B, classes).
    """

    def __init__(
        self,
        width: float = 1.375,
        classes: int = 1000,
        in_channels: int = 3,
        *,
        head: int = HEAD_CHANNELS,
        reach: int = 2,
    ) -> None:
        super().__init__()
        C = int(16 * width)
        if C < 2 or C % 2:
            raise ArgumentError(f"expected a width that makes 16 an even number of channels, got {width}")
        self.body = nn.Sequential(
            nn.Conv2d(in_channels, C, 3, 2, 1, bias=False),
            nn.BatchNorm2d(C),
            ShiftUnit(C, C, 4, reach=reach),
            ShiftUnit(C, 2 * C, 5, halves=True),
            *_blocks(C, reach),
            nn.Conv2d(16 * C, head, 1, bias=False),
            nn.BatchNorm2d(head),
            nn.ReLU(),
            nn.Dropout(DROPOUT),
        )
        self.head = PoolHead(head, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


def _blocks(channels: int, reach: int) -> Iterator[FeatureBlock]:
    for ins, outs, steps, halves in BLOCKS:
        yield FeatureBlock(ins * channels, outs * channels, steps, reach=reach, halves=halves)
