r"""Attention of one head inside chunks; queries and keys are one projection, scaled and shifted.

    z = silu(W_z x),   q = z * scale_q + shift_q,   k = z * scale_k + shift_k,   v = silu(W_v x)
    y[l] = W_o sum_m softmax_m(q[l] . k[m] / sqrt(D) + bias[l - m]) v[m],   m in the chunk of l, m <= l

Shapes: x (B, C, L) -> y (B, C, L); W_z (D, C), W_v (E, C), W_o (C, E), scale and shift (2, D), bias
(2 chunk - 1) for lags chunk - 1 down to 1 - chunk. Chunks begin at multiples of `chunk` and do not see each
other, so that the work is linear in L: what crosses them is left to the layers before, a dilated convolution
in TCNCA. causal=False lets every sample see its whole chunk. The form is that of MEGA, with softmax; the
gates that follow there belong to the network.
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
from circulant.engine.costs import pointwise_cost
from circulant.operators.sequence.chunk_attention import chunk_attention, chunk_attention_cost

EXPORTS = (chunk_attention,)

INITIAL_SPREAD = 0.02  # of scale and bias


def reference(x: Tensor, state: dict[str, Tensor], chunk: int = 1, causal: bool = True) -> Tensor:
    def projected(name: str, values: Tensor) -> Tensor:
        return values @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    def silu(values: Tensor) -> Tensor:
        return values / (1 + torch.exp(-values))

    rows = x.transpose(1, 2)
    z, v = silu(projected("shared", rows)), silu(projected("value", rows))
    q, k = (z * state["scale"][i] + state["shift"][i] for i in (0, 1))
    outputs = []
    for l in range(x.shape[2]):
        start = l // chunk * chunk
        stop = l + 1 if causal else min(start + chunk, x.shape[2])
        scores = (q[:, l : l + 1] * k[:, start:stop]).sum(-1) / q.shape[2] ** 0.5
        scores = scores + torch.stack([state["bias"][chunk - 1 - (l - m)] for m in range(start, stop)])
        weights = torch.exp(scores - scores.amax(1, keepdim=True))
        weights = weights / weights.sum(1, keepdim=True)
        outputs.append((weights[..., None] * v[:, start:stop]).sum(1))
    return projected("output", torch.stack(outputs, 1)).transpose(1, 2)


@final
class ChunkedAttention1d(Operator):
    ndims = (1,)

    def __init__(
        self,
        channels: int,
        chunk: int,
        key_channels: int | None = None,
        value_channels: int | None = None,
        *,
        causal: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        keys = channels if key_channels is None else key_channels
        values = channels if value_channels is None else value_channels
        if min(channels, chunk, keys, values) < 1:
            sizes = f"{channels}, {chunk}, {keys} and {values}"
            raise ArgumentError(
                f"expected channels, chunk, key_channels and value_channels of 1 or more, got {sizes}"
            )
        self.channels, self.chunk, self.causal = channels, chunk, causal
        self.shared = nn.Linear(channels, keys, device=device, dtype=dtype)
        self.value = nn.Linear(channels, values, device=device, dtype=dtype)
        self.output = nn.Linear(values, channels, device=device, dtype=dtype)
        self.scale = nn.Parameter(torch.empty(2, keys, device=device, dtype=dtype))
        self.shift = nn.Parameter(torch.empty(2, keys, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(2 * chunk - 1, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.normal_(self.scale, mean=1, std=INITIAL_SPREAD)
        nn.init.zeros_(self.shift)
        nn.init.normal_(self.bias, std=INITIAL_SPREAD)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        return self._attend(x)

    def _attend(self, x: Tensor) -> Tensor:
        tokens = x.transpose(1, 2).contiguous()  # once for both maps
        z, v = F.silu(self.shared(tokens)), F.silu(self.value(tokens))
        q, k = (
            torch.addcmul(shift, z.to(shift.dtype), scale) for shift, scale in zip(self.shift, self.scale)
        )
        attended = chunk_attention(q.to(v.dtype), k.to(v.dtype), v, self.bias, causal=self.causal)
        return self.output(attended).transpose(1, 2)

    def initial_state(
        self, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> Tensor:
        """The samples of the chunk that is not complete yet: none."""
        if not self.causal:
            raise ArgumentError("expected causal attention to stream, got causal=False; leave it out")
        return torch.zeros(batch, self.channels, 0, device=device, dtype=dtype)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """A chunk x (B, C, n) after state -> y (B, C, n), new state."""
        seen = torch.cat([state, x], dim=-1)
        complete = seen.shape[-1] // self.chunk * self.chunk
        return self._attend(seen)[..., state.shape[-1] :], seen[..., complete:]

    def cost(self, shape: Shape) -> Cost:
        B, C, L = shape
        keys, values = self.shared.out_features, self.value.out_features
        maps = pointwise_cost(shape, keys) + pointwise_cost(shape, values) + pointwise_cost((B, values, L), C)
        return maps + chunk_attention_cost(B, L, self.chunk, keys, values)

    def extra_repr(self) -> str:
        return f"{self.channels}, chunk={self.chunk}, causal={self.causal}"


def _mixer(channels: int, spatial: Shape) -> ChunkedAttention1d:
    return ChunkedAttention1d(channels, min(64, spatial[0]))


CARD = Card(
    operators=(ChunkedAttention1d,),
    reference=reference,
    papers=(
        Paper(
            "Terzić, Hersche, Karunaratne, Benini, Sebastian and Rahimi",
            2023,
            "TCNCA: Temporal Convolution Network with Chunked Attention for Scalable Sequence Processing",
            "https://arxiv.org/abs/2312.05605",
        ),
    ),
    laws=frozenset({Law.CAUSAL, Law.STREAMS}),
    cases=(
        Case((2, 3, 7), lambda: ChunkedAttention1d(3, 3), {"chunk": 3}),
        Case((1, 2, 6), lambda: ChunkedAttention1d(2, 2, 3, 4), {"chunk": 2}),
        Case((2, 2, 3), lambda: ChunkedAttention1d(2, 5), {"chunk": 5}),
    ),
    refuses=(
        BadInput((2, 4, 7), lambda: ChunkedAttention1d(3, 3), says="C = 3"),
        BadInput((3, 7), lambda: ChunkedAttention1d(3, 3), says="(B, C, L)"),
    ),
    mixer=_mixer,
)
