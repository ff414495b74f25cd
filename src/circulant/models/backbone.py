"""One network for every operator: three stages of blocks, each on a coarser grid. Only the slot differs."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.core.sizes import Shape
from circulant.models.block import Block
from circulant.models.mixer import Build
from circulant.models.patch_conv import PatchConv, patched

LARGEST_GRID = {1: 128, 2: 16}  # positions per axis after the stem, by number of axes
SHRINK = 2  # between stages


@final
@dataclass(frozen=True, slots=True)
class Stage:
    """Blocks on one grid."""

    width: int
    depth: int


@final
@dataclass(frozen=True, slots=True)
class Design:
    """Sizes of the network."""

    stages: tuple[Stage, ...] = (Stage(24, 2), Stage(48, 1), Stage(96, 1))

    @property
    def width(self) -> int:
        """Channels of the first stage."""
        return self.stages[0].width

    @property
    def depth(self) -> int:
        return sum(stage.depth for stage in self.stages)


def stem_stride(spatial: Shape) -> int:
    """Smallest power of two that brings every axis down to the largest grid."""
    stride = 1
    while max(patched(spatial, stride)) > LARGEST_GRID[len(spatial)]:
        stride *= 2
    return stride


@final
class Backbone(nn.Module):
    """Patches, blocks, and a linear head on the mean over positions.

    Shapes: x (B, C, *spatial) -> logits (B, classes).
    """

    def __init__(self, shape: Shape, classes: int, build: Build, seed: int, design: Design) -> None:
        """shape is one example's (C, *spatial). The seed decides every weight, the global state none."""
        super().__init__()
        if len(shape) - 1 not in LARGEST_GRID or min(shape) < 1:
            raise ArgumentError(f"expected examples (C, L) or (C, H, W), got {shape}; reshape the data")
        channels, spatial = shape[0], shape[1:]
        self.blocks: list[Block] = []
        grids: list[Shape] = []
        layers: list[nn.Module] = []
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for position, stage in enumerate(design.stages):
                stride = SHRINK if position else stem_stride(spatial)
                layers.append(PatchConv(channels, stage.width, spatial, stride))
                channels, spatial = stage.width, patched(spatial, stride)
                blocks = [Block(channels, nn.Identity()) for _ in range(stage.depth)]
                self.blocks += blocks
                layers += blocks
                grids += [(channels, *spatial)] * stage.depth
            self.body = nn.Sequential(*layers)
            self.head = nn.Sequential(nn.BatchNorm1d(channels), nn.GELU())
            self.classify = nn.Linear(channels, classes)
            # mixers last, each from a seed of its own: all other weights are alike for every operator
            for position, (block, grid) in enumerate(zip(self.blocks, grids, strict=True)):
                torch.manual_seed(1_000_003 * (seed + 1) + position)
                block.mixer = build(grid[0], grid[1:])

    @property
    def middle(self) -> Block:
        """The block whose operator the report looks into."""
        return self.blocks[(len(self.blocks) - 1) // 2]

    def forward(self, x: Tensor) -> Tensor:
        features = self.head(self.body(x).flatten(2))
        logits: Tensor = self.classify(features.mean(-1))
        return logits


def no_operator(channels: int, spatial: Shape) -> nn.Module:
    """Builds the control: the block without any operator."""
    return nn.Identity()
