"""Scale-equalizing pyramid convolution (SEPC): what stands between a feature pyramid and a detector's heads.

After Wang, Zhang, Yu, Feng and Zhang (2020), https://arxiv.org/abs/2005.03101, and the authors' code.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import final

from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.operators.spatial.movable_conv2d import MovableConv2d
from circulant.operators.spatial.pyramid_conv2d import (
    IntegratedBatchNorm2d,
    PyramidConv2d,
    require_pyramid,
)


@final
class Equalized(Enum):
    """Which convolutions move their taps above the finest level."""

    NONE = "none"
    LAST = "the last of each branch"  # the light version
    ALL = "all"


@final
@dataclass(frozen=True, slots=True)
class BranchFeatures:
    """For classes and for boxes, a list of (B, C, H_l, W_l) each."""

    classes: list[Tensor]
    boxes: list[Tensor]


@final
class PyramidStage2d(nn.Module):
    """relu(norm(pyramid convolution)).  Shapes: a list of x_l (B, C, H_l, W_l) -> the same."""

    def __init__(self, channels: int, *, equalized: bool, normed: bool) -> None:
        super().__init__()
        self.conv = PyramidConv2d(channels, channels, equalized=equalized)
        self.norm = IntegratedBatchNorm2d(channels) if normed else None

    def forward(self, levels: Sequence[Tensor]) -> list[Tensor]:
        return _bent(self.conv(levels), self.norm)


@final
class PyramidBranch2d(nn.Module):
    """relu(norm(one convolution of each level)).  Shapes: a list of x_l (B, C, H_l, W_l) -> the same."""

    def __init__(self, channels: int, *, equalized: bool, normed: bool) -> None:
        super().__init__()
        self.conv = MovableConv2d(channels, channels, movable=equalized)
        self.norm = IntegratedBatchNorm2d(channels) if normed else None

    def forward(self, levels: Sequence[Tensor]) -> list[Tensor]:
        return _bent([self.conv(x, level > 0) for level, x in enumerate(levels)], self.norm)


@final
class ScaleEqualizingPyramidConv2d(nn.Module):
    """Pyramid convolutions in a row, then one convolution of their own for classes and for boxes.

    Shapes: a list of x_l (B, C, H_l, W_l), the finest first -> BranchFeatures. normed: integrated batch norm
    after every convolution.
    """

    def __init__(
        self,
        channels: int = 256,
        depth: int = 4,
        *,
        equalized: Equalized = Equalized.ALL,
        normed: bool = True,
    ) -> None:
        super().__init__()
        if depth < 0:
            raise ArgumentError(f"expected a depth of 0 or more, got {depth}")
        self.channels = channels
        inside, last = equalized is Equalized.ALL, equalized is not Equalized.NONE
        self.stages = nn.Sequential(
            *(PyramidStage2d(channels, equalized=inside, normed=normed) for _ in range(depth))
        )
        self.classes = PyramidBranch2d(channels, equalized=last, normed=normed)
        self.boxes = PyramidBranch2d(channels, equalized=last, normed=normed)

    def forward(self, levels: Sequence[Tensor]) -> BranchFeatures:
        require_pyramid(levels, self.channels)
        shared = self.stages(levels)
        return BranchFeatures(self.classes(shared), self.boxes(shared))


def _bent(levels: list[Tensor], norm: IntegratedBatchNorm2d | None) -> list[Tensor]:
    return [y.relu() for y in (levels if norm is None else norm(levels))]
