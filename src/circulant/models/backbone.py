"""One network for every operator: three stages of blocks, each on a coarser grid. Only the slot differs."""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.core.sizes import Shape
from circulant.models.block import Block
from circulant.models.mixer import Build
from circulant.models.operator_network import Design, OperatorNetwork, middle, seed_slot
from circulant.models.patch_conv import PatchConv, patched

LARGEST_GRID = {1: 128, 2: 16}  # positions per axis after the stem, by number of axes
SHRINK = 2  # between stages


def stem_stride(spatial: Shape) -> int:
    """Smallest power of two that brings every axis down to the largest grid."""
    stride = 1
    while max(patched(spatial, stride)) > LARGEST_GRID[len(spatial)]:
        stride *= 2
    return stride


@final
class Backbone(OperatorNetwork):
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
            for position, (block, grid) in enumerate(zip(self.blocks, grids, strict=True)):
                seed_slot(seed, position)
                block.mixer = build(grid[0], grid[1:])

    @property
    def middle(self) -> Block:
        """The block whose operator the report looks into."""
        return self.blocks[middle(len(self.blocks))]

    @property
    def middle_operator(self) -> nn.Module:
        return self.middle.mixer

    def forward(self, x: Tensor) -> Tensor:
        features = self.head(self.body(x).flatten(2))
        logits: Tensor = self.classify(features.mean(-1))
        return logits


def no_operator(channels: int, spatial: Shape) -> nn.Module:
    """Builds the control: the block without any operator."""
    return nn.Identity()
