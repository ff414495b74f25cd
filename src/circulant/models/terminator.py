"""Terminator: pictures read by many branches at once, with kernels that slow nets make, and no residual.

After Zhang (2024), HyperZcdotZcdotW Operator Connects Slow-Fast Networks for Full Context Interaction,
https://arxiv.org/abs/2401.17948, and its published blocks and settings. How blocks are joined is inferred
from those settings, as the published network is not complete: the resolution never changes, and `earlier` are
the inputs of the blocks before, the nearest first, the picture itself not among them.
"""

from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.models.group_standardisation import GroupStandardisation2d
from circulant.models.heads import PoolHead
from circulant.operators.dynamic.hyper_gates import HyperChannelGate2d, HyperGate2d
from circulant.operators.dynamic.hyper_zzw_global2d import HyperZZWGlobal2d
from circulant.operators.dynamic.hyper_zzw_local2d import HyperZZWLocal2d

BRANCHES = 10


@final
@dataclass(frozen=True, slots=True)
class TerminatorDesign:
    """One entry for each block; kernel sizes and widths of slow nets are those of every block."""

    factors: tuple[int, ...] = (4, 3, 2, 2, 2)  # by which a block multiplies the channels
    slow_layers: tuple[int, ...] = (3, 2, 2, 2, 2)  # of the slow net of the global kernel
    earlier: tuple[int, ...] = (0, 0, 1, 1, 2)  # inputs of earlier blocks that a block takes too
    dropout: tuple[float, ...] = (0.0, 0.05, 0.05, 0.05, 0.05)
    kernels: tuple[int, int, int, int] = (3, 9, 5, 7)
    global_hidden: int = 64
    local_hidden: int = 32
    channel_hidden: int = 32
    gate_hidden: tuple[int, int] = (16, 64)
    groups: int = 12


@final
class HyperBranches2d(nn.Module):
    """Ten views of x and, repeated to as many channels, earlier pictures, joined by a 1x1 convolution.

    Shapes: x (B, C, S, S), earlier (B, C / r, S, S) each -> y (B, factor C, S, S). The convolution has no
    bias, since what follows standardises; nor has the one that maps x.
    """

    def __init__(
        self, channels: int, size: int, factor: int, earlier: int, slow_layers: int, design: TerminatorDesign
    ) -> None:
        super().__init__()
        self.mixed = HyperZZWGlobal2d(channels, size, hidden=design.global_hidden, layers=slow_layers)
        self.map = nn.Conv2d(channels, channels, 1, bias=False)
        self.gate = HyperChannelGate2d(channels, hidden=design.channel_hidden)
        self.interact = HyperGate2d(channels, size, hidden=design.gate_hidden)
        self.local = nn.ModuleList(
            HyperZZWLocal2d(channels, kernel, hidden=design.local_hidden) for kernel in design.kernels
        )
        self.join = nn.Conv2d(channels * (BRANCHES + earlier), channels * factor, 1, bias=False)
        for layer in (self.map, self.join):
            nn.init.kaiming_normal_(layer.weight)

    def forward(self, x: Tensor, earlier: tuple[Tensor, ...] = ()) -> Tensor:
        kernel = self.mixed.programmed(x)
        fast = self.mixed.standardised(x, kernel)
        mapped, gated = F.instance_norm(self.map(x)), F.instance_norm(self.gate(x))
        read = kernel @ fast
        views = [read, fast, kernel @ mapped, kernel @ gated, F.silu(read), self.interact(x, read)]
        pairs = ((gated, x), (x, gated), (x, mapped), (mapped, x))  # picture, context of its kernel
        views += [layer(*pair) for layer, pair in zip(self.local, pairs)]
        views += [old.repeat(1, x.shape[1] // old.shape[1], 1, 1) for old in earlier]
        y: Tensor = self.join(torch.cat(views, 1))
        return y


@final
class SlowFastBlock2d(nn.Module):
    """The branches, standardised in groups, then GELU, one bias and dropout of channels.

    Shapes: x (B, C, S, S) -> y (B, factor C, S, S).
    """

    def __init__(
        self, branches: HyperBranches2d, channels: int, groups: int = 12, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.branches = branches
        self.standardise = GroupStandardisation2d(channels, groups)
        self.bias = nn.Parameter(torch.zeros(1))
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, x: Tensor, earlier: tuple[Tensor, ...] = ()) -> Tensor:
        y: Tensor = self.dropout(F.gelu(self.standardise(self.branches(x, earlier))) + self.bias)
        return y


@final
class Terminator(nn.Module):
    """Blocks on the picture as it comes, then a linear map of the mean over places.

    Shapes: x (B, in_channels, size, size) -> logits (B, classes). The examples of a batch are standardised
    together, in evaluation too: a batch of one class alone is read badly.
    """

    def __init__(
        self,
        design: TerminatorDesign | None = None,
        classes: int = 10,
        in_channels: int = 3,
        *,
        size: int = 32,
    ) -> None:
        super().__init__()
        design = TerminatorDesign() if design is None else design
        plans = (design.factors, design.slow_layers, design.earlier, design.dropout)
        if len({len(plan) for plan in plans}) != 1:
            raise ArgumentError(f"expected as many entries for each block, got {plans}")
        if any(taken > max(number - 1, 0) for number, taken in enumerate(design.earlier)):
            raise ArgumentError(
                f"expected earlier blocks that are there, at most number - 1 for block number 0, 1, ..., "
                f"got earlier = {design.earlier}"
            )
        self.earlier, blocks, channels = design.earlier, [], in_channels
        for factor, layers, earlier, dropout in zip(*plans):
            branches = HyperBranches2d(channels, size, factor, earlier, layers, design)
            channels *= factor
            blocks.append(SlowFastBlock2d(branches, channels, design.groups, dropout))
        self.blocks = nn.ModuleList(blocks)
        self.head = PoolHead(channels, classes)

    def hyper_kernels(self) -> list[Tensor]:
        """W (C, size, size) of each block, which `train.slow_net_loss` compares."""
        return [block.branches.mixed.slow() for block in self.blocks]  # type: ignore[union-attr,operator]

    def forward(self, x: Tensor) -> Tensor:
        inputs = [x]
        for number, (block, taken) in enumerate(zip(self.blocks, self.earlier)):
            before = tuple(inputs[number - 1 - n] for n in range(taken))
            inputs.append(block(inputs[-1], before))
        return self.head(inputs[-1])
