r"""Linear attention over a grid in one scan: every position reads one memory, to which keys hold a softmax.

    y = W_o (norm(o) * silu(W_u W_d x)),   o[p] = silu(q[p]) . sum_r k~[r] v[r]^T,   k~ = softmax over r of k
    q = W_q x,   k = W_k x,   v = W_v x   split into heads

Shapes: x (B, C, *spatial) -> y (B, C, *spatial); W_q, W_k (heads * key_width, C), W_v, W_o (C, C),
W_u W_d of rank gate_rank. The softmax runs over all positions, for each key channel apart; it is what
the additive recurrence of `CausalLightNetMixer1d` has gathered at its last step, so that no order of the
positions matters and grids of any number of axes are read once. norm is the root mean square over all
heads. Published sizes: key_width 128, a head for each 128 channels, gate_rank 128.

Without order there is no position either: put `MultiDimToeplitzPe` in front of the first layer, or take
rotary=True, which turns queries and keys by `MultiDimLrpe` (key_width of at least 2 for each axis).
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost, matmul_cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape, product
from circulant.operators.sequence.gated_norm import GatedNorm
from circulant.operators.sequence.heads import heads_for, join_heads, require_heads, split_heads, wide
from circulant.operators.sequence.multi_dim_lrpe import MultiDimLrpe


def reference(x: Tensor, state: dict[str, Tensor], heads: int = 1, turned: bool = False) -> Tensor:
    B, C, *spatial = x.shape
    rows = x.flatten(2).transpose(1, 2)
    L = rows.shape[1]

    def per_head(name: str) -> Tensor:
        return (rows @ state[f"{name}.weight"].T).reshape(B, L, heads, -1).permute(0, 2, 1, 3)

    q, k, v = per_head("query"), per_head("key"), per_head("value")
    q, k = q / (1 + torch.exp(-q)), torch.exp(k) / torch.exp(k).sum(2, keepdim=True)
    if turned:
        pairs, axes = q.shape[3] // 2, len(spatial)
        each = pairs // axes
        for position in range(L):
            rest, place = position, list[int]()
            for size in reversed(spatial):
                place.insert(0, rest % size)
                rest //= size
            for head in range(heads):
                for axis in range(axes):
                    for pair in range(each):
                        turn = place[axis] * 10000 ** (-torch.tensor(head * pairs + pair) / (heads * pairs))
                        matrix = torch.stack([turn.cos(), -turn.sin(), turn.sin(), turn.cos()]).view(2, 2)
                        at = slice(2 * (axis * each + pair), 2 * (axis * each + pair) + 2)
                        q[:, head, position, at] = q[:, head, position, at].clone() @ matrix.T
                        k[:, head, position, at] = k[:, head, position, at].clone() @ matrix.T
    attended = torch.einsum("bhid,bhjd,bhje->bihe", q, k, v).reshape(B, L, C)
    gate = rows @ state["gate_down.weight"].T @ state["gate_up.weight"].T
    normed = attended / ((attended**2).mean(-1, keepdim=True) + 1e-5).sqrt() * state["norm.weight"]
    y = normed * gate / (1 + torch.exp(-gate)) @ state["output.weight"].T
    return y.transpose(1, 2).reshape(x.shape)


class _LightNetMixer(Operator):
    """Abstract over the number of spatial axes."""

    def __init__(
        self,
        channels: int,
        heads: int = 1,
        *,
        key_width: int = 128,
        gate_rank: int = 128,
        rotary: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        require_heads(channels, heads)
        if min(key_width, gate_rank) < 1:
            raise ArgumentError(
                f"expected key_width and gate_rank of 1 or more, got {key_width}, {gate_rank}"
            )
        self.channels, self.heads, self.key_width, self.gate_rank = channels, heads, key_width, gate_rank
        self.rotary = MultiDimLrpe(heads, key_width, self.ndims[0]) if rotary else None

        def linear(inputs: int, outputs: int) -> nn.Linear:
            return nn.Linear(inputs, outputs, bias=False, device=device, dtype=dtype)

        self.query, self.key = (linear(channels, heads * key_width) for _ in range(2))
        self.value, self.output = (linear(channels, channels) for _ in range(2))
        self.gate_down, self.gate_up = linear(channels, gate_rank), linear(gate_rank, channels)
        self.norm = GatedNorm(channels, device=device, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        rows = x.flatten(2).transpose(1, 2).contiguous()  # once for all maps
        q, k, v = (split_heads(project(rows), self.heads) for project in (self.query, self.key, self.value))
        q, k, v = F.silu(wide(q)), torch.softmax(wide(k), dim=2), wide(v)
        if self.rotary is not None:
            q, k = (self._turned(self.rotary, tensor, x.shape[2:]) for tensor in (q, k))
        attended = join_heads(q @ (k.mT @ v))
        mixed = self.norm(attended, self.gate_up(self.gate_down(rows)))
        return self.output(mixed).transpose(1, 2).reshape(x.shape)

    def _turned(self, rotary: MultiDimLrpe, per_head: Tensor, spatial: Shape) -> Tensor:
        return rotary(per_head.unflatten(2, spatial)).flatten(2, -2)

    def cost(self, shape: Shape) -> Cost:
        B, C, L = *shape[:2], product(shape[2:])
        D, E = self.key_width, C // self.heads
        projections = (
            matmul_cost(B * L, C, self.heads * D) * 2
            + matmul_cost(B * L, C, C) * 2
            + matmul_cost(B * L, C, self.gate_rank)
            + matmul_cost(B * L, self.gate_rank, C)
        )
        return projections + (matmul_cost(D, L, E) + matmul_cost(L, D, E)) * (B * self.heads)

    def extra_repr(self) -> str:
        return f"{self.channels}, heads={self.heads}, key_width={self.key_width}, gate_rank={self.gate_rank}"


@final
class LightNetMixer1d(_LightNetMixer):
    ndims = (1,)


@final
class LightNetMixer2d(_LightNetMixer):
    ndims = (2,)


@final
class LightNetMixer3d(_LightNetMixer):
    ndims = (3,)


BY_NDIM: dict[int, type[_LightNetMixer]] = {1: LightNetMixer1d, 2: LightNetMixer2d, 3: LightNetMixer3d}


def _mixer(channels: int, spatial: Shape) -> Operator:
    heads = heads_for(channels)
    return BY_NDIM[len(spatial)](
        channels, heads, key_width=channels // heads, gate_rank=channels // heads, rotary=True
    )


CARD = Card(
    operators=tuple(BY_NDIM.values()),
    reference=reference,
    papers=(
        Paper(
            "Qin, Mao, Shen, Li, Zhang, Dai and Zhong",
            2024,
            "You Only Scan Once: Efficient Multi-dimension Sequential Modeling with LightNet",
            "https://arxiv.org/abs/2405.21022",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 4, 5), lambda: LightNetMixer1d(4, 2, key_width=3, gate_rank=2), {"heads": 2}),
        Case(
            (1, 4, 2, 3),
            lambda: LightNetMixer2d(4, 2, key_width=6, gate_rank=3, rotary=True),
            {"heads": 2, "turned": True},
        ),
        Case(
            (2, 3, 2, 1, 2),
            lambda: LightNetMixer3d(3, 1, key_width=6, gate_rank=2, rotary=True),
            {"heads": 1, "turned": True},
        ),
    ),
    refuses=(
        BadInput((2, 5, 6), lambda: LightNetMixer1d(4, 2), says="C = 4"),
        BadInput((2, 4, 6), lambda: LightNetMixer2d(4, 2), says="(B, C, H, W)"),
        BadInput((2, 4, 6), lambda: LightNetMixer1d(4, 2, gate_rank=0), says="gate_rank of 1 or more"),
        BadInput(
            (2, 4, 6, 6), lambda: LightNetMixer2d(4, 1, key_width=2, rotary=True), says="for each of 2 axes"
        ),
    ),
    mixer=_mixer,
)
