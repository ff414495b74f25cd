r"""Frequency-decomposition window attention: four groups of channels, each with its own shape of windows.

    q, k, v = W x,   a_g = softmax(q_g k_g^T / sqrt(d) + bias_g + mask_g) v_g,   y = W_out [a_1 .. a_4] + b

Shapes: x (B, C, H, W) -> y (B, C, H, W). With base window w the windows are 2w x 2w, w/2 x w/2, w/2 x 2w and
2w x w/2: wide and narrow views, square and directed. bias_g (heads / 4, 4 h w') depends on the offset within
the window alone and starts at 0. Norm and residual belong to the block around.

shifted=True moves the windows by half their size, in a circle, and mask_g keeps apart what only the circle
brings together; the published code makes such masks and does not pass them on. Where the grid is no multiple
of a window, positions after its ends are laid around it that nothing attends to.
"""

from math import gcd
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost, matmul_cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.attention import attention
from circulant.engine.costs import pointwise_cost
from circulant.operators.spectral.planned_conv2d import PlannedConv2d
from circulant.operators.spectral.window_grid import WindowGrid

GROUPS, WINDOW = 4, 8


def reference(
    x: Tensor, state: dict[str, Tensor], heads: int = 4, window: int = WINDOW, shifted: bool = False
) -> Tensor:
    B, C, H, W = x.shape
    size, count = C // GROUPS, heads // GROUPS
    qkv = torch.einsum("oc,bchw->bohw", state["qkv.weight"][:, :, 0, 0], x)
    places = torch.cartesian_prod(torch.arange(H), torch.arange(W))
    windows = ((2, 2), (0.5, 0.5), (0.5, 2), (2, 0.5))
    made = []
    for g, (tall, wide) in enumerate(windows):
        shape = torch.tensor([int(window * tall), int(window * wide)])
        moved = places + (shape - shape // 2 if shifted else torch.zeros(2, dtype=torch.long))
        together = (moved[:, None] // shape == moved[None] // shape).all(-1)
        offset = (moved[:, None] % shape - moved[None] % shape) * together[..., None] + shape - 1
        entry = offset[..., 0] * (2 * shape[1] - 1) + offset[..., 1]
        bias = state[f"bias.{g}"][:, entry]
        own = [part[:, g * size : (g + 1) * size].reshape(B, count, -1, H * W) for part in qkv.chunk(3, 1)]
        scores = torch.einsum("bhdq,bhdk->bhqk", own[0], own[1]) / own[0].shape[2] ** 0.5 + bias
        scores = scores.masked_fill(~together, float("-inf"))
        weights = torch.exp(scores - scores.amax(-1, True))
        weights = weights / weights.sum(-1, True)
        made.append(torch.einsum("bhqk,bhdk->bhdq", weights, own[2]).reshape(B, size, H, W))
    y = torch.einsum("oc,bchw->bohw", state["out.weight"][:, :, 0, 0], torch.cat(made, 1))
    return y + state["out.bias"][:, None, None]


@final
class FrequencyDecompositionWindowAttention2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int,
        heads: int = GROUPS,
        window: int = WINDOW,
        *,
        shifted: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if heads < GROUPS or heads % GROUPS or channels % heads:
            raise ArgumentError(
                f"expected heads, a multiple of {GROUPS} and divisor of channels = {channels}, got {heads}"
            )
        if window < 2 or window % 2:
            raise ArgumentError(f"expected an even window of 2 or more, got {window}")
        self.channels, self.heads, self.window, self.shifted = channels, heads, window, shifted
        small, large = window // 2, 2 * window
        shapes = ((large, large), (small, small), (small, large), (large, small))
        self.grids = tuple(WindowGrid(shape, shifted) for shape in shapes)
        self.qkv = PlannedConv2d(channels, 3 * channels, 1, bias=False, device=device, dtype=dtype)
        self.out = PlannedConv2d(channels, channels, 1, device=device, dtype=dtype)
        self.bias = nn.ParameterList(
            torch.zeros(heads // GROUPS, grid.offsets, device=device, dtype=dtype) for grid in self.grids
        )

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        size = self.channels // GROUPS
        parts = self.qkv(x).unflatten(1, (3, GROUPS, size))
        made = [
            self._attend(parts[:, :, number], grid, bias)
            for number, (grid, bias) in enumerate(zip(self.grids, self.bias))
        ]
        return self.out(torch.cat(made, 1))

    def _attend(self, parts: Tensor, grid: WindowGrid, bias: Tensor) -> Tensor:
        """q, k and v (B, 3, D, H, W) of one group -> (B, D, H, W)."""
        B, sizes = len(parts), tuple(parts.shape[3:])
        heads, count = self.heads // GROUPS, grid.count(sizes)
        q, k, v = (t.flatten(0, 1) for t in grid.cut(parts.unflatten(2, (heads, -1))).unbind(0))
        mask = grid.spread(bias).to(q.dtype)[None]  # q, k and v (B windows, heads, positions, d)
        if grid.masks(sizes):
            forbidden = grid.forbidden(sizes, q.device)[:, None]
            mask = mask.masked_fill(forbidden, float("-inf")).repeat(B, 1, 1, 1)
        made = attention(q, k, v, mask).unflatten(0, (B, count))
        return grid.joined(made, sizes).flatten(1, 2)

    def cost(self, shape: Shape) -> Cost:
        B, C, H, W = shape
        total = pointwise_cost(shape, 3 * C) + pointwise_cost(shape, C)
        inner = C // self.heads
        for grid in self.grids:
            count, tokens = grid.count((H, W)), grid.tokens
            once = matmul_cost(tokens, inner, tokens) + matmul_cost(tokens, tokens, inner)
            total += once * (B * count * self.heads // GROUPS)
        return total

    def extra_repr(self) -> str:
        return f"{self.channels}, heads={self.heads}, window={self.window}, shifted={self.shifted}"


def _mixer(channels: int, spatial: Shape) -> FrequencyDecompositionWindowAttention2d:
    return FrequencyDecompositionWindowAttention2d(channels, gcd(channels, GROUPS), 4)


CARD = Card(
    operators=(FrequencyDecompositionWindowAttention2d,),
    reference=reference,
    papers=(
        Paper(
            "Li, Li, Dai, Li, Zou and Xiong",
            2023,
            "Frequency-Aware Transformer for Learned Image Compression",
            "https://arxiv.org/abs/2310.16387",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case(
            (2, 4, 8, 4),
            lambda: FrequencyDecompositionWindowAttention2d(4, 4, 2),
            {"window": 2},
        ),
        Case(
            (1, 8, 5, 6),
            lambda: FrequencyDecompositionWindowAttention2d(8, 8, 2, shifted=True),
            {"heads": 8, "window": 2, "shifted": True},
        ),
    ),
    refuses=(
        BadInput((2, 5, 4, 4), lambda: FrequencyDecompositionWindowAttention2d(4), says="C = 4"),
        BadInput((2, 4, 4), lambda: FrequencyDecompositionWindowAttention2d(4), says="(B, C, H, W)"),
        BadInput(
            (2, 6, 4, 4), lambda: FrequencyDecompositionWindowAttention2d(6), says="divisor of channels"
        ),
        BadInput((2, 4, 4, 4), lambda: FrequencyDecompositionWindowAttention2d(4, 4, 3), says="even window"),
    ),
    mixer=_mixer,
)
