r"""H3: keys kept by a shift register meet values, a slow memory keeps what they make, queries read it.

    q = W_q x, k = W_k x, v = W_v x split into heads,   k' = shift(k)
    z[d, e] = diag(k'[d] v[e]),   y = W_o (sum_d q[d] z[d, e])

shift is a ShiftSsm for each channel, diag a DiagonalSsm for each head, the same for all its pairs (d, e) of
channels; both with their skip. Shapes: x (B, C, L) -> y (B, C, L); linear maps with bias, no activation.
head_channels = 1 multiplies channel by channel. `chunk` lets diag pass its state between chunks of at most so
many samples. As in the authors' code, diag is sampled by the bilinear rule.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import pointwise_cost
from circulant.operators.sequence.diagonal_ssm import DiagonalSsm
from circulant.operators.sequence.discretisation import Discretisation
from circulant.operators.sequence.shift_ssm import ShiftSsm


def reference(x: Tensor, state: dict[str, Tensor], head_channels: int = 1) -> Tensor:
    B, C, L = x.shape
    q, k, v = (
        x.transpose(1, 2) @ state[f"{name}.weight"].T + state[f"{name}.bias"]
        for name in ("query", "key", "value")
    )
    A = torch.complex(-state["memory.log_decay"].exp(), state["memory.frequency"])
    b, c = (torch.view_as_complex(state[f"memory.{name}_weight"]) for name in ("input", "output"))
    dt = state["memory.log_step"].exp()[:, None]
    factor, gain = (1 + dt * A / 2) / (1 - dt * A / 2), dt * b / (1 - dt * A / 2)
    heads, pairs = C // head_channels, (head_channels, head_channels)
    register = torch.zeros(B, *state["shift.input_weight"].shape, dtype=x.dtype)
    h, rows = torch.zeros(B, heads, *pairs, A.shape[1], dtype=A.dtype), []
    for l in range(L):
        moved = torch.cat([torch.zeros_like(register[..., :1]), register[..., :-1]], -1)
        register = moved + state["shift.input_weight"] * k[:, l, :, None]
        shifted = (state["shift.output_weight"] * register).sum(-1) + state["shift.skip"] * k[:, l]
        made = shifted.reshape(B, heads, -1, 1) * v[:, l].reshape(B, heads, 1, -1)
        h = factor[:, None, None] * h + gain[:, None, None] * made[..., None]
        z = 2 * (c[:, None, None] * h).real.sum(-1) + state["memory.skip"][:, None, None] * made
        rows.append((q[:, l].reshape(B, heads, -1, 1) * z).sum(2).reshape(B, C))
    return (torch.stack(rows, 1) @ state["output.weight"].T + state["output.bias"]).transpose(1, 2)


@final
@dataclass(frozen=True, slots=True)
class H3State:
    """What a stream remembers: keys of the register, and the states of every pair of channels."""

    keys: Tensor
    memory: Tensor


@final
class H3Mixer(Operator):
    ndims = (1,)

    def __init__(
        self,
        channels: int,
        states: int = 64,
        head_channels: int = 1,
        *,
        chunk: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if head_channels < 1 or channels % head_channels:
            raise ArgumentError(
                f"expected head_channels as a divisor of channels = {channels}, got {head_channels}"
            )
        self.channels, self.head_channels = channels, head_channels
        self.query = nn.Linear(channels, channels, device=device, dtype=dtype)
        self.key = nn.Linear(channels, channels, device=device, dtype=dtype)
        self.value = nn.Linear(channels, channels, device=device, dtype=dtype)
        self.shift = ShiftSsm(channels, states, device=device, dtype=dtype)
        self.memory = DiagonalSsm(
            channels // head_channels, states, discretisation=Discretisation.BILINEAR, chunk=chunk,
            device=device, dtype=dtype,
        )  # fmt: skip
        self.output = nn.Linear(channels, channels, device=device, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        q, k, v = self._projected(x)
        return self._read(q, self.memory(self._pairs(self.shift(k), v)))

    def _projected(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        rows = x.transpose(1, 2)
        q, k, v = (project(rows).transpose(1, 2) for project in (self.query, self.key, self.value))
        return q, k, v

    def _pairs(self, k: Tensor, v: Tensor) -> Tensor:
        """The products of all channels of a head, (B d d, heads, L): pairs share their head's system."""
        heads = (self.memory.channels, self.head_channels)
        k, v = (part.unflatten(1, heads).transpose(1, 2) for part in (k, v))
        return (k[:, :, None] * v[:, None]).flatten(0, 2)

    def _read(self, q: Tensor, z: Tensor) -> Tensor:
        d = self.head_channels
        asked = q.unflatten(1, (self.memory.channels, d)).transpose(1, 2)[:, :, None]
        y = (asked * z.unflatten(0, (q.shape[0], d, d))).sum(1)
        return self.output(y.transpose(1, 2).flatten(1, 2).transpose(1, 2)).transpose(1, 2)

    def initial_state(
        self, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> H3State:
        return H3State(
            self.shift.initial_state(batch, device=device, dtype=dtype),
            self.memory.initial_state(batch * self.head_channels**2, device=device, dtype=dtype),
        )

    def step(self, x: Tensor, state: H3State) -> tuple[Tensor, H3State]:
        """A chunk x (B, C, n) after state -> y (B, C, n), new state."""
        q, k, v = self._projected(x)
        k, keys = self.shift.step(k, state.keys)
        z, memory = self.memory.step(self._pairs(k, v), state.memory)
        return self._read(q, z), H3State(keys, memory)

    def cost(self, shape: Shape) -> Cost:
        B, _, L = shape
        pairs = (B * self.head_channels**2, self.memory.channels, L)
        return pointwise_cost(shape, self.channels) * 4 + self.shift.cost(shape) + self.memory.cost(pairs)


def _mixer(channels: int, spatial: Shape) -> H3Mixer:
    return H3Mixer(channels)


CARD = Card(
    operators=(H3Mixer,),
    reference=reference,
    papers=(
        Paper(
            "Fu, Dao, Saab, Thomas, Rudra and Ré",
            2022,
            "Hungry Hungry Hippos: Towards Language Modeling with State Space Models",
            "https://arxiv.org/abs/2212.14052",
        ),
    ),
    laws=frozenset({Law.CAUSAL, Law.STREAMS}),
    cases=(
        Case((2, 3, 7), lambda: H3Mixer(3, 4)),
        Case((1, 4, 6), lambda: H3Mixer(4, 2, 2), {"head_channels": 2}),
        Case((2, 2, 8), lambda: H3Mixer(2, 4, chunk=3)),
    ),
    refuses=(
        BadInput((2, 4, 12), lambda: H3Mixer(3), says="C = 3"),
        BadInput((3, 12), lambda: H3Mixer(3), says="(B, C, L)"),
    ),
    mixer=_mixer,
)
