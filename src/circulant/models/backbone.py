"""One network for every operator: stem, two stages of blocks, head. Only the slot in the blocks differs."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.core.sizes import Shape
from circulant.models.block import Block, ChannelNorm
from circulant.models.mixer import Build
from circulant.models.patch_conv import PatchConv, patched

LARGEST_GRID = {1: 128, 2: 16}  # positions per axis after the stem, by number of axes
SHRINK = 2  # between the stages


@dataclass(frozen=True, slots=True)
class Design:
    """Sizes of the network. The second stage is twice as wide and half as fine as the first."""

    width: int = 32
    depth: tuple[int, int] = (2, 2)  # blocks of each stage

    def stem_stride(self, spatial: Shape) -> int:
        """Smallest power of two that brings every axis down to the largest grid."""
        stride = 1
        while max(patched(spatial, stride)) > LARGEST_GRID[len(spatial)]:
            stride *= 2
        return stride


@final
class Backbone(nn.Module):
    """Shapes: x (B, C, *spatial) -> logits (B, classes)."""

    def __init__(self, shape: Shape, classes: int, build: Build, seed: int, design: Design) -> None:
        """shape is one example's (C, *spatial). The seed decides every weight, the global state none."""
        super().__init__()
        channels, *axes = shape
        spatial = tuple(axes)
        if len(spatial) not in LARGEST_GRID or min(shape) < 1:
            raise ArgumentError(f"expected examples (C, L) or (C, H, W), got {shape}; reshape the data")
        stride = design.stem_stride(spatial)
        wide = 2 * design.width
        fine = patched(spatial, stride)
        coarse = patched(fine, SHRINK)
        grids = [(design.width, fine)] * design.depth[0] + [(wide, coarse)] * design.depth[1]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.stem = nn.Sequential(PatchConv(channels, design.width, spatial, stride), ChannelNorm(design.width))
            blocks = [Block(channels, nn.Identity()) for channels, _ in grids]
            self.shrink = PatchConv(design.width, wide, fine, SHRINK)
            self.head = nn.Sequential(nn.LayerNorm(wide), nn.Linear(wide, classes))
            # mixers draw last, each from a seed of its own: all other weights are alike for every operator
            for position, (block, (channels, grid)) in enumerate(zip(blocks, grids, strict=True)):
                torch.manual_seed(1_000_003 * (seed + 1) + position)
                block.mixer = build(channels, grid)
        self.fine = nn.Sequential(*blocks[: design.depth[0]])
        self.coarse = nn.Sequential(*blocks[design.depth[0] :])

    @property
    def middle(self) -> Block:
        """The last block on the fine grid: the one whose operator the report looks into."""
        block = self.fine[-1]
        assert isinstance(block, Block)
        return block

    def forward(self, x: Tensor) -> Tensor:
        features = self.coarse(self.shrink(self.fine(self.stem(x))))
        logits: Tensor = self.head(features.flatten(2).mean(-1))
        return logits


def no_operator(channels: int, spatial: Shape) -> nn.Module:
    """Builds the control: the block without any operator."""
    return nn.Identity()
