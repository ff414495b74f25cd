r"""A gated recurrence with a matrix as its state: what is not kept of the past makes room for the new.

    y = W_o norm(o),   o[t] = S[t]^T silu(W_q x[t]),   S[t] = diag(f[t]) S[t-1] + (1 - f[t]) (W_v x[t])^T
    f = bound + (1 - bound) sigmoid(W_f x)

Shapes: x (B, C, L) -> y (B, C, L); W_q, W_f (heads * key_width, C), W_v, W_o (C, C), S (B, heads, key_width,
C / heads), norm over all heads by the root mean square. bound is what a channel keeps at the least, so that
upper layers remember longer: 0 in layer 0, in layer l of a network the sum over 1 .. l of a softmax over
the layers of `bounds` (layers, heads * key_width). The layers of a network share one such parameter:
assign that of the first to the others.
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


def reference(x: Tensor, state: dict[str, Tensor], heads: int = 1, layer: int = 0) -> Tensor:
    B, C, L = x.shape
    rows = x.transpose(1, 2)
    q, slow, v = (rows @ state[f"{name}.weight"].T for name in ("query", "forget", "value"))
    bound = torch.zeros_like(q[0, 0])
    if layer > 0:
        shares = torch.exp(state["bounds"]) / torch.exp(state["bounds"]).sum(0)
        bound = shares[1 : layer + 1].sum(0)
    f = bound + (1 - bound) / (1 + torch.exp(-slow))
    q = q / (1 + torch.exp(-q))
    q, f, v = (values.reshape(B, L, heads, -1) for values in (q, f, v))
    memory, results = torch.zeros(B, heads, q.shape[3], v.shape[3], dtype=x.dtype), []
    for t in range(L):
        memory = f[:, t, :, :, None] * memory + (1 - f[:, t, :, :, None]) * v[:, t, :, None]
        results.append((memory * q[:, t, :, :, None]).sum(2).reshape(B, C))
    o = torch.stack(results, 1)
    o = o / ((o**2).mean(-1, keepdim=True) + 1e-5).sqrt() * state["norm.weight"]
    return (o @ state["output.weight"].T).transpose(1, 2)


@final
class Hgrn2Mixer1d(Operator):
    ndims = (1,)

    def __init__(
        self,
        channels: int,
        heads: int = 1,
        *,
        key_width: int | None = None,
        layer: int = 0,
        layers: int = 1,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        require_heads(channels, heads)
        self.key_width = channels // heads if key_width is None else key_width
        if self.key_width < 1 or not 0 <= layer < layers:
            raise ArgumentError(
                "expected key_width of 1 or more and layer from 0 to below layers, "
                f"got {self.key_width}, {layer} and {layers}"
            )
        self.channels, self.heads, self.layer = channels, heads, layer
        keys = heads * self.key_width

        def linear(outputs: int) -> nn.Linear:
            return nn.Linear(channels, outputs, bias=False, device=device, dtype=dtype)

        self.query, self.forget = linear(keys), linear(keys)
        self.value, self.output = linear(channels), linear(channels)
        self.norm = GatedNorm(channels, device=device, dtype=dtype)
        self.bounds = nn.Parameter(torch.zeros(layers, keys, device=device, dtype=dtype)) if layer else None

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        return self._read(x, *self._written(x), None)

    def _written(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """1 - f, v and log f, (B, H, L, key_width or C / H)."""
        rows = x.transpose(1, 2)
        slow = wide(self.forget(rows))
        log_kept, new = F.logsigmoid(slow), torch.sigmoid(-slow)
        if self.bounds is not None:
            bound = torch.softmax(wide(self.bounds), 0)[1 : self.layer + 1].sum(0)
            log_kept = torch.logaddexp(torch.log(bound), torch.log1p(-bound) + log_kept)
            new = (1 - bound) * new
        k, v, log_decay = (split_heads(t, self.heads) for t in (new.to(x.dtype), self.value(rows), log_kept))
        return k, v, log_decay

    def _read(self, x: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, memory: Tensor | None) -> Tensor:
        q = split_heads(F.silu(self.query(x.transpose(1, 2))), self.heads)
        read = linear_attention(q, k, v, log_decay, memory)
        return self.output(self.norm(join_heads(read))).transpose(1, 2)

    def initial_state(
        self, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> Tensor:
        widths = (self.key_width, self.channels // self.heads)
        return torch.zeros(batch, self.heads, *widths, device=device, dtype=dtype)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """A chunk x (B, C, n) after state -> y (B, C, n), new state."""
        written = self._written(x)
        return self._read(x, *written, state), linear_attention_state(*written, state)

    def cost(self, shape: Shape) -> Cost:
        B, C, L = shape
        maps = pointwise_cost(shape, self.heads * self.key_width) * 2 + pointwise_cost(shape, C) * 2
        return maps + linear_attention_cost(B, self.heads, L, self.key_width, C // self.heads, Decay.KEY)

    def extra_repr(self) -> str:
        return f"{self.channels}, heads={self.heads}, key_width={self.key_width}, layer={self.layer}"


def _mixer(channels: int, spatial: Shape) -> Hgrn2Mixer1d:
    return Hgrn2Mixer1d(channels, heads_for(channels))


CARD = Card(
    operators=(Hgrn2Mixer1d,),
    reference=reference,
    papers=(
        Paper(
            "Wang, Zhu, Abreu, Shan, Kergan, Pan, Chou, Li, Zhang, Huang and Eshraghian",
            2025,
            "A Systematic Analysis of Hybrid Linear Attention",
            "https://arxiv.org/abs/2507.06457",
        ),
    ),
    laws=frozenset({Law.CAUSAL, Law.STREAMS}),
    cases=(
        Case((2, 4, 6), lambda: Hgrn2Mixer1d(4, 2), {"heads": 2}),
        Case((1, 3, 7), lambda: Hgrn2Mixer1d(3, 1, key_width=2, layer=2, layers=4), {"layer": 2}),
        Case((2, 6, 5), lambda: Hgrn2Mixer1d(6, 3, layer=1, layers=2), {"heads": 3, "layer": 1}),
    ),
    refuses=(
        BadInput((2, 5, 6), lambda: Hgrn2Mixer1d(4, 2), says="C = 4"),
        BadInput((2, 4, 6), lambda: Hgrn2Mixer1d(4, 2, layer=2, layers=2), says="below layers"),
    ),
    mixer=_mixer,
)
