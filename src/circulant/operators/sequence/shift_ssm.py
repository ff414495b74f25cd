r"""Shift state-space model: a learnt filter of `states` taps, written as a shift register.

    s_l = S s_{l-1} + B x_l,   y_l = C . s_l + D x_l,   S moves every entry one place on
    k[c, m] = sum_n B[c, n] C[c, n + m]
    y[b, c, l] = skip[c] x[b, c, l] + sum_{m < states} k[c, m] x[b, c, l - m]

Shapes: x (B, C, L) -> y (B, C, L); B and C (C, states). B starts as the first unit vector, so that the
register holds the last `states` samples and C is the filter; C as torch.nn.Conv1d, skip normal.
"""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import long_conv_cost
from circulant.engine.long_conv import long_conv
from circulant.engine.streaming import initial_history, long_conv_step


def reference(x: Tensor, state: dict[str, Tensor]) -> Tensor:
    B, C = state["input_weight"], state["output_weight"]
    register, outputs = torch.zeros(x.shape[0], *B.shape, dtype=x.dtype), []
    for l in range(x.shape[2]):
        moved = torch.cat([torch.zeros_like(register[..., :1]), register[..., :-1]], -1)
        register = moved + B * x[:, :, l, None]
        outputs.append((C * register).sum(-1) + state["skip"] * x[:, :, l])
    return torch.stack(outputs, -1)


@final
class ShiftSsm(Operator):
    ndims = (1,)

    def __init__(
        self,
        channels: int,
        states: int = 64,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if min(channels, states) < 1:
            raise ArgumentError(f"expected channels and states of 1 or more, got {channels} and {states}")
        self.channels, self.states = channels, states
        self.input_weight = nn.Parameter(torch.empty(channels, states, device=device, dtype=dtype))
        self.output_weight = nn.Parameter(torch.empty(channels, states, device=device, dtype=dtype))
        self.skip = nn.Parameter(torch.empty(channels, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        bound = self.states**-0.5
        nn.init.uniform_(self.output_weight, -bound, bound)
        nn.init.normal_(self.skip)
        nn.init.zeros_(self.input_weight)
        with torch.no_grad():
            self.input_weight[:, 0] = 1

    def impulse_response(self) -> Tensor:
        """The correlation of B and C -> (C, states): a convolution of C backwards, read backwards."""
        return long_conv(self.output_weight.flip(-1)[None], self.input_weight)[0].flip(-1)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        return long_conv(x, self.impulse_response().to(x.dtype), skip=self.skip)

    def initial_state(
        self, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> Tensor:
        return initial_history(batch, self.channels, self.states, device=device, dtype=dtype)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """A chunk x (B, C, n) after state -> y (B, C, n), new state."""
        y, history = long_conv_step(x, self.impulse_response(), state)
        return y + self.skip[:, None] * x, history

    def cost(self, shape: Shape) -> Cost:
        return long_conv_cost((1, self.channels, self.states), self.states) + long_conv_cost(
            shape, self.states
        )

    def extra_repr(self) -> str:
        return f"{self.channels}, states={self.states}"


def _mixer(channels: int, spatial: Shape) -> ShiftSsm:
    return ShiftSsm(channels)


CARD = Card(
    operators=(ShiftSsm,),
    reference=reference,
    papers=(
        Paper(
            "Fu, Dao, Saab, Thomas, Rudra and Ré",
            2022,
            "Hungry Hungry Hippos: Towards Language Modeling with State Space Models",
            "https://arxiv.org/abs/2212.14052",
        ),
    ),
    laws=frozenset({Law.LINEAR, Law.CAUSAL, Law.DEPTHWISE, Law.STREAMS}),
    cases=(
        Case((2, 3, 9), lambda: ShiftSsm(3, 4)),
        Case((1, 2, 5), lambda: ShiftSsm(2, 8)),
        Case((2, 2, 6), lambda: ShiftSsm(2, 1)),
    ),
    refuses=(
        BadInput((2, 4, 12), lambda: ShiftSsm(3), says="C = 3"),
        BadInput((3, 12), lambda: ShiftSsm(3), says="(B, C, L)"),
    ),
    mixer=_mixer,
)
