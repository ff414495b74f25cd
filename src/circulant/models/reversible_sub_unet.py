"""A small U-Net as a reversible column: many of them in a row refine one set of features on every grid."""

from collections.abc import Sequence
from itertools import pairwise
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.models.naf_block import naf_block
from circulant.models.reversible import ReversibleColumn, State

SHORTCUT, SMALLEST = 0.5, 1e-3  # first factor of the column before, and the least magnitude of one


@final
class ReversibleSubUNet(ReversibleColumn):
    """level[0] = f_0(x) + s_0 before[0], level[l] = f_l(level[l - 1], skip) + s_l before[l].

    Levels run down the encoder and up the decoder: with widths (C, 2 C, 4 C) five of them, each grid half
    as fine as the one above. A decoder's level sees the one below it and its encoder's. The factors s are
    learnt for each channel, at first 0.5 and never smaller than 0.001; `before` is the state of the column
    before this one, zeros for the first.
    Shapes: x (B, C, H, W), states of the shapes of `empty_state`; H and W divisible by 2^(levels - 1).
    """

    def __init__(self, widths: Sequence[int], depths: Sequence[int]) -> None:
        super().__init__()
        if not widths or len(widths) != len(depths):
            raise ArgumentError(f"expected a depth for each of 1 width or more, got {depths} for {widths}")
        pairs = list(pairwise(widths))
        self.widths = tuple(widths)
        self.downs = nn.ModuleList([nn.Conv2d(upper, lower, 2, 2, bias=False) for upper, lower in pairs])
        self.ups = nn.ModuleList(
            nn.Sequential(nn.Conv2d(lower, 4 * upper, 1, bias=False), nn.PixelShuffle(2))
            for upper, lower in reversed(pairs)
        )
        self.encoders = nn.ModuleList(map(_blocks, widths, depths))
        self.decoders = nn.ModuleList(map(_blocks, tuple(widths)[-2::-1], tuple(depths)[-2::-1]))
        sizes = (*widths, *tuple(widths)[-2::-1])
        self.scales = nn.ParameterList(torch.full((size, 1, 1), SHORTCUT) for size in sizes)

    def forward(self, x: Tensor, state: State) -> State:
        made: list[Tensor] = []
        for level, before in enumerate(state):
            made.append(self._own(x, made) + self._scale(level) * before)
        return tuple(made)

    def inverse(self, x: Tensor, state: State) -> State:
        levels = range(len(state))
        return tuple((state[i] - self._own(x, list(state[:i]))) / self._scale(i) for i in levels)

    def empty_state(self, x: Tensor) -> State:
        """What stands before the first column."""
        B, _, H, W = x.shape
        coarsest = len(self.widths) - 1
        if H % 2**coarsest or W % 2**coarsest:
            raise ArgumentError(
                f"expected H and W divisible by {2**coarsest}, got x {tuple(x.shape)}; pad it to that"
            )
        grids = [*range(coarsest + 1), *range(coarsest - 1, -1, -1)]
        return tuple(x.new_zeros(B, self.widths[i], H >> i, W >> i) for i in grids)

    def _own(self, x: Tensor, earlier: list[Tensor]) -> Tensor:
        """What the next level makes of the levels before it."""
        level, count = len(earlier), len(self.widths)
        if level < count:
            return self.encoders[level](self.downs[level - 1](earlier[-1]) if level else x)
        step = level - count
        skip = earlier[count - 2 - step]
        return self.decoders[step](self.ups[step](earlier[-1]) + skip)

    def _scale(self, level: int) -> Tensor:
        """The factor kept away from zero, on its own side of it."""
        scale = self.scales[level]
        side = torch.where(scale < 0, -1.0, 1.0)
        return side * scale.abs().clamp(min=SMALLEST)


def _blocks(channels: int, depth: int) -> nn.Sequential:
    return nn.Sequential(*(naf_block(channels) for _ in range(depth)))
