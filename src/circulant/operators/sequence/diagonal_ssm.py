r"""Diagonal state-space model: each channel is a sum of damped oscillations, run as one long convolution.

    h' = A h + B u,  y = 2 Re(C h) + D u,   sampled every dt:   h_l = a h_{l-1} + b u_l
    k[c, l] = 2 Re sum_s C[c, s] b[c, s] a[c, s]^l
    y[b, c, l] = skip[c] x[b, c, l] + sum_{m <= l} k[c, m] x[b, c, l - m]

Zero-order hold has a = exp(dt A), b = (a - 1) B / A; the bilinear rule a = (1 + dt A / 2) / (1 - dt A / 2),
b = dt B / (1 - dt A / 2). Shapes: x (B, C, L) -> y (B, C, L). Of `states` poles one of each conjugate pair is
kept: A, B and C (C, states / 2), dt (C), one for each channel.

A starts as -1/2 + i pi n (S4D-Lin), dt log-uniform from 0.001 to 0.1, B at 1, C and skip normal. Real parts
stay negative as -exp(log_decay). The kernel is made in float32 at least. `chunk` convolves stretches of at
most so many samples and passes the state between them: shorter transforms for the same result.
"""

from math import log, pi
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.pairs import conjugate
from circulant.core.sizes import Shape
from circulant.engine.costs import long_conv_cost
from circulant.engine.exponential_sums import exponential_sums_cost
from circulant.engine.long_conv import long_conv
from circulant.engine.recurrence import linear_recurrence
from circulant.engine.state_passing import flash_conv_state_passing
from circulant.engine.state_passing_cost import state_passing_cost
from circulant.operators.sequence.discretisation import Discrete, Discretisation, discretise

EXPORTS = (Discretisation,)

SHORTEST_STEP, LONGEST_STEP = 0.001, 0.1  # seconds, for a sequence of about a thousand samples


def reference(x: Tensor, state: dict[str, Tensor], bilinear: bool = False) -> Tensor:
    A = torch.complex(-state["log_decay"].exp(), state["frequency"])
    B, C = (torch.view_as_complex(state[name]) for name in ("input_weight", "output_weight"))
    dt = state["log_step"].exp()[:, None]
    if bilinear:
        a, b = (1 + dt * A / 2) / (1 - dt * A / 2), dt * B / (1 - dt * A / 2)
    else:
        a, b = torch.exp(dt * A), (torch.exp(dt * A) - 1) / A * B
    h, outputs = torch.zeros(x.shape[0], *A.shape, dtype=A.dtype), []
    for l in range(x.shape[2]):
        h = a * h + b * x[:, :, l, None]
        outputs.append(2 * (C * h).real.sum(-1) + state["skip"] * x[:, :, l])
    return torch.stack(outputs, -1)


@final
class DiagonalSsm(Operator):
    ndims = (1,)

    def __init__(
        self,
        channels: int,
        states: int = 64,
        *,
        discretisation: Discretisation = Discretisation.ZERO_ORDER_HOLD,
        chunk: int | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if channels < 1 or states < 2 or states % 2:
            raise ArgumentError(
                f"expected channels of 1 or more and an even number of states, got {channels} and {states}"
            )
        self.channels, self.states = channels, states
        self.discretisation, self.chunk = discretisation, chunk
        self.log_step = nn.Parameter(torch.empty(channels, device=device, dtype=dtype))
        self.log_decay = nn.Parameter(torch.empty(channels, states // 2, device=device, dtype=dtype))
        self.frequency = nn.Parameter(torch.empty_like(self.log_decay))
        self.input_weight = nn.Parameter(torch.empty(channels, states // 2, 2, device=device, dtype=dtype))
        self.output_weight = nn.Parameter(torch.empty_like(self.input_weight))
        self.skip = nn.Parameter(torch.empty(channels, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.uniform_(self.log_step, log(SHORTEST_STEP), log(LONGEST_STEP))
        nn.init.constant_(self.log_decay, log(0.5))
        nn.init.normal_(self.output_weight, std=2**-0.5)
        nn.init.normal_(self.skip)
        with torch.no_grad():
            harmonic = torch.arange(self.states // 2, dtype=torch.float64)
            self.frequency.copy_((pi * harmonic).expand_as(self.frequency))
            self.input_weight.copy_(torch.tensor([1.0, 0.0]).expand_as(self.input_weight))

    def discretised(self) -> Discrete:
        """The recurrence, in float32 at least."""
        wide = torch.promote_types(self.log_step.dtype, torch.float32)
        A = torch.stack([-self.log_decay.to(wide).exp(), self.frequency.to(wide)], -1)
        B, C = self.input_weight.to(wide), self.output_weight.to(wide)
        return discretise(A, B, C, self.log_step.to(wide).exp(), self.discretisation)

    def impulse_response(self, length: int) -> Tensor:
        """The kernel without the skip -> (C, length)."""
        return self.discretised().impulse_response(length)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        if self.chunk is None:
            return long_conv(x, self.impulse_response(x.shape[-1]).to(x.dtype), skip=self.skip)
        system = self.discretised()
        operands = (part.to(x.dtype) for part in (system.factor, system.gain, system.readout))
        y, _ = flash_conv_state_passing(x, *operands, chunk=self.chunk)
        return y + self.skip[:, None] * x

    def initial_state(
        self, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> Tensor:
        """(B, C, states / 2, 2), in float32 at least."""
        wide = torch.promote_types(dtype or self.log_step.dtype, torch.float32)
        return torch.zeros(batch, *self.input_weight.shape, device=device, dtype=wide)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """A chunk x (B, C, n) after state -> y (B, C, n), new state."""
        system = self.discretised()
        driven = x[:, :, None, :, None] * system.gain[:, :, None]
        h = linear_recurrence(system.factor.flatten(0, 1), driven.flatten(1, 2), state.flatten(1, 2))
        h = h.unflatten(1, (self.channels, -1))
        y = torch.einsum("bcslp,csp->bcl", h, conjugate(system.readout))
        return y.to(x.dtype) + self.skip[:, None] * x, h[:, :, :, -1]

    def cost(self, shape: Shape) -> Cost:
        S = self.states // 2
        if self.chunk is not None:
            return state_passing_cost(shape, S, self.chunk)
        return exponential_sums_cost(self.channels, S, shape[2]) + long_conv_cost(shape, shape[2])

    def extra_repr(self) -> str:
        return f"{self.channels}, states={self.states}, {self.discretisation.value}, chunk={self.chunk}"


def _mixer(channels: int, spatial: Shape) -> DiagonalSsm:
    return DiagonalSsm(channels)


CARD = Card(
    operators=(DiagonalSsm,),
    reference=reference,
    papers=(
        Paper(
            "Fu, Dao, Saab, Thomas, Rudra and Ré",
            2022,
            "Hungry Hungry Hippos: Towards Language Modeling with State Space Models",
            "https://arxiv.org/abs/2212.14052",
        ),
        Paper(
            "Gu, Gupta, Goel and Ré",
            2022,
            "On the Parameterization and Initialization of Diagonal State Space Models",
            "https://arxiv.org/abs/2206.11893",
        ),
    ),
    laws=frozenset({Law.LINEAR, Law.CAUSAL, Law.DEPTHWISE, Law.STREAMS}),
    cases=(
        Case((2, 3, 9), lambda: DiagonalSsm(3, 4)),
        Case(
            (1, 2, 7),
            lambda: DiagonalSsm(2, 6, discretisation=Discretisation.BILINEAR),
            {"bilinear": True},
        ),
        Case((2, 1, 70), lambda: DiagonalSsm(1, 2)),
        Case((1, 2, 8), lambda: DiagonalSsm(2, 4, chunk=3)),
    ),
    refuses=(
        BadInput((2, 4, 12), lambda: DiagonalSsm(3), says="C = 3"),
        BadInput((3, 12), lambda: DiagonalSsm(3), says="(B, C, L)"),
    ),
    mixer=_mixer,
)
