r"""Linear attention whose memory fades by a gate of its own for each sample and key channel.

    y = W_o (norm(o) * silu(W_g x)),   o[t] = D^(-1/2) S[t]^T q[t]
    S[t] = diag(alpha[t]) S[t-1] + k[t] v[t]^T
    log alpha = logsigmoid(W_2 W_1 x + b) / 16,   q = W_q x,   k = W_k x,   v = W_v x   split into heads

Shapes: x (B, C, L) -> y (B, C, L); W_q, W_k, W_2 W_1 (C / 2, C), W_v, W_g, W_o (C, C), S (B, heads, D,
C / heads), norm over each head by its root mean square. Queries and keys have no activation. The
sixteenth keeps gates near 1 at the start, W_1 has 16 rows. alpha = 1 is linear attention; one constant
for all channels of a head is the decay of retention.
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import linear_attention_cost, pointwise_cost
from circulant.engine.linear_attention import linear_attention, linear_attention_state
from circulant.operators.sequence.gated_norm import GatedNorm
from circulant.operators.sequence.heads import heads_for, join_heads, require_heads, split_heads, wide
from circulant.problems.linear_attention import Decay

TEMPERATURE = 16.0


def reference(x: Tensor, state: dict[str, Tensor], heads: int = 1) -> Tensor:
    B, C, L = x.shape
    rows = x.transpose(1, 2)

    def per_head(values: Tensor) -> Tensor:
        return values.reshape(B, L, heads, -1)

    q, k, v, opened = (
        per_head(rows @ state[f"{name}.weight"].T) for name in ("query", "key", "value", "gate")
    )
    slow = rows @ state["fade_down.weight"].T @ state["fade_up.weight"].T + state["fade_up.bias"]
    alpha = per_head((1 / (1 + torch.exp(-slow))) ** (1 / 16))
    memory, results = torch.zeros(B, heads, q.shape[3], v.shape[3], dtype=x.dtype), []
    for t in range(L):
        memory = alpha[:, t, :, :, None] * memory + k[:, t, :, :, None] * v[:, t, :, None]
        results.append((memory * q[:, t, :, :, None]).sum(2) / q.shape[3] ** 0.5)
    o = torch.stack(results, 1)
    o = o / ((o**2).mean(-1, keepdim=True) + 1e-5).sqrt() * state["norm.weight"]
    o = o * opened / (1 + torch.exp(-opened))
    return (o.reshape(B, L, C) @ state["output.weight"].T).transpose(1, 2)


@final
class GatedLinearAttention1d(Operator):
    ndims = (1,)

    def __init__(
        self,
        channels: int,
        heads: int = 4,
        *,
        key_channels: int | None = None,
        fade_rank: int = 16,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        keys = channels // 2 if key_channels is None else key_channels
        require_heads(channels, heads)
        require_heads(keys, heads, "key_channels")
        if fade_rank < 1:
            raise ArgumentError(f"expected fade_rank of 1 or more, got {fade_rank}")
        self.channels, self.heads, self.key_channels, self.fade_rank = channels, heads, keys, fade_rank

        def linear(inputs: int, outputs: int, bias: bool = False) -> nn.Linear:
            return nn.Linear(inputs, outputs, bias, device=device, dtype=dtype)

        self.query, self.key = linear(channels, keys), linear(channels, keys)
        self.value, self.gate = linear(channels, channels), linear(channels, channels)
        self.fade_down, self.fade_up = linear(channels, fade_rank), linear(fade_rank, keys, bias=True)
        self.norm = GatedNorm(channels // heads, device=device, dtype=dtype)
        self.output = linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        return self._read(x, *self._written(x), None)

    def _written(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """k, v and log alpha, (B, H, L, D or C / H)."""
        rows = x.transpose(1, 2)
        fade = F.logsigmoid(wide(self.fade_up(self.fade_down(rows)))) / TEMPERATURE
        k, v, log_decay = (split_heads(t, self.heads) for t in (self.key(rows), self.value(rows), fade))
        return k, v, log_decay

    def _read(self, x: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, memory: Tensor | None) -> Tensor:
        rows = x.transpose(1, 2)
        q, gate = (split_heads(project(rows), self.heads) for project in (self.query, self.gate))
        read = linear_attention(q * q.shape[-1] ** -0.5, k, v, log_decay, memory)
        return self.output(join_heads(self.norm(read, gate))).transpose(1, 2)

    def initial_state(
        self, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> Tensor:
        widths = (self.key_channels // self.heads, self.channels // self.heads)
        return torch.zeros(batch, self.heads, *widths, device=device, dtype=dtype)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """A chunk x (B, C, n) after state -> y (B, C, n), new state."""
        written = self._written(x)
        return self._read(x, *written, state), linear_attention_state(*written, state)

    def cost(self, shape: Shape) -> Cost:
        B, C, L = shape
        keys, rank = self.key_channels, self.fade_rank
        maps = pointwise_cost(shape, keys) * 2 + pointwise_cost(shape, C) * 3 + pointwise_cost(shape, rank)
        maps += pointwise_cost((B, rank, L), keys)
        widths = (keys // self.heads, C // self.heads)
        return maps + linear_attention_cost(B, self.heads, L, *widths, Decay.KEY)

    def extra_repr(self) -> str:
        sizes = f"key_channels={self.key_channels}, fade_rank={self.fade_rank}"
        return f"{self.channels}, heads={self.heads}, {sizes}"


def _mixer(channels: int, spatial: Shape) -> GatedLinearAttention1d:
    return GatedLinearAttention1d(channels, heads_for(channels))


CARD = Card(
    operators=(GatedLinearAttention1d,),
    reference=reference,
    papers=(
        Paper(
            "Yang, Wang, Shen, Panda and Kim",
            2023,
            "Gated Linear Attention Transformers with Hardware-Efficient Training",
            "https://arxiv.org/abs/2312.06635",
        ),
    ),
    laws=frozenset({Law.CAUSAL, Law.STREAMS}),
    cases=(
        Case((2, 4, 6), lambda: GatedLinearAttention1d(4, 2, fade_rank=3), {"heads": 2}),
        Case((1, 3, 7), lambda: GatedLinearAttention1d(3, 1, key_channels=4, fade_rank=2), {"heads": 1}),
        Case((2, 6, 1), lambda: GatedLinearAttention1d(6, 3, key_channels=3, fade_rank=1), {"heads": 3}),
    ),
    refuses=(
        BadInput((2, 5, 6), lambda: GatedLinearAttention1d(4, 2), says="C = 4"),
        BadInput((2, 4, 6), lambda: GatedLinearAttention1d(4, 4), says="divisor of key_channels = 2"),
        BadInput((2, 4, 6), lambda: GatedLinearAttention1d(4, 2, fade_rank=0), says="fade_rank of 1 or more"),
    ),
    mixer=_mixer,
)
