r"""Halo attention: the pixels of a block attend to the block and a halo around it, gathered once for all.

    y_i = sum_(j in N(i)) softmax_j(q_i k_j / sqrt(d) + q_i (down[j1 - i1] + across[j2 - i2])) v_j

N(i) is the block of b x b pixels that i lies in, with h more pixels on each side; j - i is counted from the
query's place in its block to the key's place in this window; d = C / heads. With stride s the queries are the
pixels at multiples of s. Shapes: x (B, C, H, W) -> y (B, C, H_out, W_out) with H_out = ceil(H / s); down and
across (2 b + 4 h - 1, d). Blocks at the far borders may be cut: H and W need not be multiples of b.

Beyond the border there are no keys; with masked=False there are zeros, which take part in the softmax. Public
versions differ in this, in whether the relative term is divided by sqrt(d) too (scale_relative) and in a
linear map at the end (project). With a stride, offsets still count pixels, where public code counts queries.
As there, `down` and `across` have rows for offsets that no pair has, so that their weights fit.
"""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost, matmul_cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.operators.attention.blocks import axis_blocks
from circulant.operators.attention.tiles import attend, gather, merge, places

HEAD_CHANNELS = 16  # of the mixer, where the width allows


def reference(
    x: Tensor,
    state: dict[str, Tensor],
    block_size: int,
    halo_size: int,
    heads: int = 1,
    stride: int = 1,
    masked: bool = True,
    scale_relative: bool = False,
) -> Tensor:
    B, C, H, W = x.shape
    d, window = C // heads, block_size + 2 * halo_size
    q = torch.einsum("hdc,bcyx->bhdyx", state["q.weight"].reshape(heads, d, C), x)
    k, v = torch.einsum("nhdc,bcyx->nbhdyx", state["kv.weight"].reshape(2, heads, d, C), x)
    outside = x.new_zeros(B, heads, d)
    y = x.new_zeros(B, C, -(-H // stride), -(-W // stride))
    for i in range(0, H, stride):
        for j in range(0, W, stride):
            total, mixed = x.new_zeros(B, heads, 1), outside
            for m in range(window):
                for n in range(window):
                    row = i // block_size * block_size + m - halo_size
                    column = j // block_size * block_size + n - halo_size
                    inside = 0 <= row < H and 0 <= column < W
                    if masked and not inside:
                        continue
                    key, value = (k[..., row, column], v[..., row, column]) if inside else (outside, outside)
                    down = state["down"][m - i % block_size + window - 1]
                    across = state["across"][n - j % block_size + window - 1]
                    relative = (down + across) * (d**-0.5 if scale_relative else 1)
                    score = torch.exp((q[..., i, j] * (key * d**-0.5 + relative)).sum(2, keepdim=True))
                    total, mixed = total + score, mixed + score * value
            y[:, :, i // stride, j // stride] = (mixed / total).reshape(B, C)
    if "out.weight" in state:
        y = torch.einsum("oc,bcyx->boyx", state["out.weight"], y) + state["out.bias"][:, None, None]
    return y


@final
class HaloAttention2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int,
        block_size: int = 8,
        halo_size: int = 3,
        heads: int = 1,
        stride: int = 1,
        *,
        masked: bool = True,
        scale_relative: bool = False,
        project: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if heads < 1 or channels % heads:
            raise ArgumentError(f"expected heads to divide channels = {channels}, got {heads}")
        if block_size < 1 or halo_size < 0:
            raise ArgumentError(
                f"expected block_size of 1 or more and halo_size of 0 or more, got {block_size}, {halo_size}"
            )
        if stride < 1 or block_size % stride:
            raise ArgumentError(f"expected stride to divide block_size = {block_size}, got {stride}")
        self.channels, self.heads, self.head_channels = channels, heads, channels // heads
        self.block_size, self.halo_size, self.stride = block_size, halo_size, stride
        self.window = block_size + 2 * halo_size
        self.masked, self.scale_relative = masked, scale_relative
        self.q = nn.Linear(channels, channels, False, device=device, dtype=dtype)
        self.kv = nn.Linear(channels, 2 * channels, False, device=device, dtype=dtype)
        self.out = nn.Linear(channels, channels, device=device, dtype=dtype) if project else None
        table = (2 * self.window - 1, self.head_channels)
        self.down = nn.Parameter(torch.empty(table, device=device, dtype=dtype))
        self.across = nn.Parameter(torch.empty(table, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for table in (self.down, self.across):
            nn.init.normal_(table, std=self.head_channels**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        (H, W), s = x.shape[2:], self.stride
        H_out, W_out = -(-H // s), -(-W // s)
        rows, columns = (
            axis_blocks(length, self.block_size, self.halo_size, s, x.device) for length in (H, W)
        )
        q = self.q(x[:, :, ::s, ::s].flatten(2).mT)
        kv = self.kv(x.flatten(2).mT)
        queries = gather(q, places(rows.queries, columns.queries, W_out), self.heads)
        keys, values = gather(kv, places(rows.keys, columns.keys, W), 2 * self.heads).chunk(2, 1)
        inside = (rows.inside[:, None, :, None] & columns.inside[:, None]).flatten(2).flatten(0, 1)
        bias = self._relative(queries)
        if self.masked:
            bias = bias.masked_fill(~inside[:, None], -torch.inf)
        else:
            keys, values = keys * inside[..., None], values * inside[..., None]
        tiles = attend(queries * self.head_channels**-0.5, keys, values, bias)
        y = merge(tiles, rows.queries, columns.queries, H_out, W_out)
        return (y if self.out is None else self.out(y)).mT.unflatten(2, (H_out, W_out))

    def _relative(self, queries: Tensor) -> Tensor:
        """Of queries (B, heads, T U, n n, d) with each place of the window -> (B, heads, T U, n n, k k)."""
        place = torch.arange(0, self.block_size, self.stride, device=queries.device)
        offset = torch.arange(self.window, device=queries.device) - place[:, None] + self.window - 1
        square = queries.unflatten(3, (len(place), len(place)))
        if self.scale_relative:
            square = square * self.head_channels**-0.5
        down = torch.einsum("...xyd,xkd->...xyk", square, self.down[offset])
        across = torch.einsum("...xyd,ykd->...xyk", square, self.across[offset])
        return (down[..., None] + across[..., None, :]).flatten(-2).flatten(3, 4)

    def cost(self, shape: Shape) -> Cost:
        B, C, H, W = shape
        blocks = B * self.heads * -(-H // self.block_size) * -(-W // self.block_size)
        queries, keys, d = (self.block_size // self.stride) ** 2, self.window**2, self.head_channels
        pixels = B * -(-H // self.stride) * -(-W // self.stride)
        projections = matmul_cost(pixels, C, C) * (1 if self.out is None else 2)
        relative = matmul_cost(queries, d, self.window) * 2
        products = matmul_cost(queries, d, keys) + matmul_cost(queries, keys, d)
        return projections + matmul_cost(B * H * W, C, 2 * C) + (relative + products) * blocks

    def extra_repr(self) -> str:
        return (
            f"{self.channels}, block_size={self.block_size}, halo_size={self.halo_size}, "
            f"heads={self.heads}, stride={self.stride}, masked={self.masked}"
        )


def _mixer(channels: int, spatial: Shape) -> Operator:
    heads = channels // HEAD_CHANNELS if channels % HEAD_CHANNELS == 0 else 1
    block_size = min(range(8, 3, -1), key=lambda size: sum(-length % size for length in spatial))
    return HaloAttention2d(channels, block_size, 3, heads)


CARD = Card(
    operators=(HaloAttention2d,),
    reference=reference,
    papers=(
        Paper(
            "Vaswani, Ramachandran, Srinivas, Parmar, Hechtman and Shlens",
            2021,
            "Scaling Local Self-Attention for Parameter Efficient Visual Backbones",
            "https://arxiv.org/abs/2103.12731",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 3, 5, 6), lambda: HaloAttention2d(3, 2, 1), {"block_size": 2, "halo_size": 1}),
        Case(
            (3, 2, 6, 5),
            lambda: HaloAttention2d(2, 4, 1, stride=2, scale_relative=True, project=True),
            {"block_size": 4, "halo_size": 1, "stride": 2, "scale_relative": True},
        ),
        Case(
            (2, 4, 5, 3),
            lambda: HaloAttention2d(4, 2, 2, 2, masked=False),
            {"block_size": 2, "halo_size": 2, "heads": 2, "masked": False},
        ),
    ),
    refuses=(
        BadInput((2, 5, 8, 8), lambda: HaloAttention2d(4), says="C = 4"),
        BadInput((2, 4, 8), lambda: HaloAttention2d(4), says="(B, C, H, W)"),
        BadInput((2, 4, 8, 8), lambda: HaloAttention2d(4, stride=3), says="stride"),
    ),
    mixer=_mixer,
)
