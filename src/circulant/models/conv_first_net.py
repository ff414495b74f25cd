"""ConvFirstNet: stages of residual blocks that convolve first, so that a block can run in one pass.

    y = x + project(activation(expand(conv(x))))

conv is 3x3 in groups of a few channels, expand and project are 1x1, each is followed by a batch norm, and
only expand by an activation. The expanded maps, the largest tensors of the block, are then made and used up
position by position: a kernel for the whole block need not write them to memory. `fused` gives the network
for inference, its blocks `FusedConvFirstBlock` with the norms folded in.

After Lavin (2024), On the Efficiency of Convolutional Neural Networks, https://arxiv.org/abs/2404.03617. Of
its network only the abstract was at hand: the stem, the depths and the widths are chosen here.
"""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, final

from torch import nn

from circulant.core.errors import ArgumentError
from circulant.models.heads import PoolHead
from circulant.models.residual import Residual
from circulant.models.stages import StagedNetwork
from circulant.operators.spatial.fused_conv_first_block import FusedConvFirstBlock
from circulant.problems.conv_first_block import BlockActivation


@final
@dataclass(frozen=True, slots=True)
class ConvFirstNetDesign:
    """Channels and number of blocks of each stage; channels of a group, and expanded per channel."""

    widths: tuple[int, ...]
    depths: tuple[int, ...]
    group_width: int = 8
    expansion: int = 4


CONV_FIRST_NET_S = ConvFirstNetDesign((64, 128, 256, 512), (2, 2, 6, 2))  # 9.98 million parameters


@final
class ConvFirstNet(StagedNetwork):
    """Shapes: x (B, in_channels, H, W) -> logits (B, classes); each stage halves H and W, the first too."""

    def __init__(
        self,
        design: ConvFirstNetDesign = CONV_FIRST_NET_S,
        classes: int = 1000,
        in_channels: int = 3,
        *,
        drop_path: float = 0.0,
    ) -> None:
        stages: list[list[nn.Module]] = []
        before = in_channels
        for width, depth in zip(design.widths, design.depths, strict=True):
            blocks = [
                conv_first_block(width, design.group_width, design.expansion, drop_path=drop_path)
                for _ in range(depth)
            ]
            stages.append([*_coarser(before, width), *blocks])
            before = width
        super().__init__(stages, PoolHead(before, classes))

    def fused(self) -> "ConvFirstNet":
        """A copy for inference: one kernel for each block. It must be in eval mode, where norms are fixed."""
        if self.training:
            raise ArgumentError(
                "expected a network in eval mode, whose norms are fixed, got one in training mode; "
                "call network.eval() first"
            )
        copy = deepcopy(self)
        for stage in copy.stages:
            for name, block in stage.named_children():
                if isinstance(block, Residual):
                    stage.register_module(name, _fused_block(block))
        return copy


def conv_first_block(
    channels: int, group_width: int = 8, expansion: int = 4, *, drop_path: float = 0.0
) -> Residual:
    """The block in the form that is trained.  Shapes: x (B, C, H, W) -> y (B, C, H, W)."""
    if group_width < 1 or channels % group_width:
        raise ArgumentError(
            f"expected a group_width that divides channels = {channels}, got {group_width}; take a divisor"
        )
    expanded = expansion * channels
    branch = nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1, groups=channels // group_width, bias=False),
        nn.BatchNorm2d(channels),
        nn.Conv2d(channels, expanded, 1, bias=False),
        nn.BatchNorm2d(expanded),
        nn.SiLU(),
        nn.Conv2d(expanded, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    )
    return Residual(branch, drop_path=drop_path)


def _fused_block(block: Residual) -> FusedConvFirstBlock:
    layers: list[Any] = [one for one in block.branch.children() if not isinstance(one, nn.SiLU)]
    fused = FusedConvFirstBlock.from_layers(*layers, activation=BlockActivation.SILU)
    return fused.eval()


def _coarser(in_channels: int, channels: int) -> list[nn.Module]:
    """x (B, in_channels, H, W) -> (B, channels, H / 2, W / 2), rounded up."""
    return [
        nn.Conv2d(in_channels, channels, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.SiLU(),
    ]
