r"""Softmax attention inside blocks of neighbouring samples that do not overlap, for early layers.

    y = W_o a + b_o,   a[i] = sum_j p[i, j] v[j],   p[i, :] = softmax over j of q[i] . k[j] / sqrt(D)
    j in the block of i:  j // block = i // block,  and j <= i unless bidirectional=True

Shapes: x (B, C, L) -> y (B, C, L); four linear maps (C, C), all but the keys' with a bias (softmax would
cancel theirs), D = C / heads. The work is linear in the length, the last block may be shorter, and the
first sample of a block sees itself alone: what crosses blocks is left to the layers above. For
streaming, keys and values of the block so far are kept.
"""

from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost, matmul_cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.operators.sequence.chunk_attention import attend_in_chunks, later_keys, missing_keys
from circulant.operators.sequence.heads import heads_for, join_heads, require_heads, split_heads


def reference(x: Tensor, state: dict[str, Tensor], heads: int, block: int) -> Tensor:
    B, C, L = x.shape

    def projected(name: str, rows: Tensor) -> Tensor:
        return rows @ state[f"{name}.weight"].T + state.get(f"{name}.bias", 0)

    q, k, v = (
        projected(name, x.transpose(1, 2)).reshape(B, L, heads, -1) for name in ("query", "key", "value")
    )
    rows = []
    for i in range(L):
        seen = slice(i // block * block, i + 1)
        score = (q[:, i : i + 1] * k[:, seen]).sum(-1) / (C // heads) ** 0.5
        weight = torch.exp(score) / torch.exp(score).sum(1, keepdim=True)
        rows.append((weight[..., None] * v[:, seen]).sum(1).reshape(B, C))
    return projected("output", torch.stack(rows, 1)).transpose(1, 2)


@final
@dataclass(frozen=True, slots=True)
class BlockSoFar:
    """Keys and values (B, H, m, D) of the m samples since the last block ended."""

    keys: Tensor
    values: Tensor


@final
class DiagAttention1d(Operator):
    ndims = (1,)

    def __init__(
        self,
        channels: int,
        heads: int = 4,
        block: int = 64,
        *,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        require_heads(channels, heads)
        if block < 1:
            raise ArgumentError(f"expected a block of 1 or more samples, got {block}")
        self.channels, self.heads, self.block, self.bidirectional = channels, heads, block, bidirectional
        self.query = nn.Linear(channels, channels, device=device, dtype=dtype)
        self.key = nn.Linear(channels, channels, bias=False, device=device, dtype=dtype)
        self.value = nn.Linear(channels, channels, device=device, dtype=dtype)
        self.output = nn.Linear(channels, channels, device=device, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        attended = self._attend(*self._heads_of(x))
        return self.output(join_heads(attended)).transpose(1, 2)

    def _heads_of(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        rows = x.transpose(1, 2).contiguous()  # once for all maps
        q, k, v = (split_heads(project(rows), self.heads) for project in (self.query, self.key, self.value))
        return q, k, v

    def _attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """All (B, H, L, D), the first sample at the beginning of a block."""
        B, H, L, _ = q.shape
        block = L if self.block > L else self.block
        if not self.bidirectional:
            return attend_in_chunks(q, k, v, later_keys(block, q))
        return attend_in_chunks(q, k, v, missing_keys(L, block, q).repeat(B * H, 1, 1))

    def initial_state(
        self, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> BlockSoFar:
        if self.bidirectional:
            raise ArgumentError(
                "expected a causal DiagAttention1d to stream, got bidirectional=True; leave it out"
            )
        width = self.channels // self.heads
        return BlockSoFar(
            *(torch.zeros(batch, self.heads, 0, width, device=device, dtype=dtype) for _ in "kv")
        )

    def step(self, x: Tensor, state: BlockSoFar) -> tuple[Tensor, BlockSoFar]:
        """A chunk x (B, C, n) after state -> y (B, C, n), new state."""
        q, k, v = self._heads_of(x)
        known = state.keys.shape[2]
        keys, values = torch.cat([state.keys, k], 2), torch.cat([state.values, v], 2)
        attended = self._attend(F.pad(q, (0, 0, known, 0)), keys, values)[:, :, known:]
        ended = keys.shape[2] // self.block * self.block
        y = self.output(join_heads(attended)).transpose(1, 2)
        return y, BlockSoFar(keys[:, :, ended:], values[:, :, ended:])

    def cost(self, shape: Shape) -> Cost:
        B, C, L = shape
        block, width = min(self.block, L), C // self.heads
        blocks = B * self.heads * ((L + block - 1) // block)
        attention = matmul_cost(block, width, block) + matmul_cost(block, block, width)
        return matmul_cost(B * L, C, C) * 4 + attention * blocks

    def extra_repr(self) -> str:
        plain = f"{self.channels}, heads={self.heads}, block={self.block}"
        return f"{plain}, bidirectional={self.bidirectional}"


def _mixer(channels: int, spatial: Shape) -> DiagAttention1d:
    return DiagAttention1d(channels, heads_for(channels), min(64, max(spatial[0] // 4, 1)))


CARD = Card(
    operators=(DiagAttention1d,),
    reference=reference,
    papers=(
        Paper(
            "Qin, Han, Sun, Li, Kong, Barnes and Zhong",
            2022,
            "The Devil in Linear Transformer",
            "https://arxiv.org/abs/2210.10340",
        ),
    ),
    laws=frozenset({Law.CAUSAL, Law.STREAMS}),
    cases=(
        Case((2, 4, 7), lambda: DiagAttention1d(4, 2, 3), {"heads": 2, "block": 3}),
        Case((1, 3, 6), lambda: DiagAttention1d(3, 1, 2), {"heads": 1, "block": 2}),
        Case((2, 2, 5), lambda: DiagAttention1d(2, 2, 8), {"heads": 2, "block": 8}),
    ),
    refuses=(
        BadInput((2, 5, 6), lambda: DiagAttention1d(4, 2), says="C = 4"),
        BadInput((2, 4, 6), lambda: DiagAttention1d(4, 2, 0), says="block of 1 or more"),
        BadInput((2, 4, 6), lambda: DiagAttention1d(4, 3), says="divisor of channels = 4"),
    ),
    mixer=_mixer,
)
