r"""S4D layer: a diagonal state-space model for each channel, then a gated linear map over the channels.

    z = gelu(ssm(x)),   y = (W_1 z + b_1) sigmoid(W_2 z + b_2)
    ssm: h_l = exp(dt A) h_{l-1} + (exp(dt A) - 1) / A B x_l,   2 Re(C h_l) + D x_l

Shapes: x (B, C, L) -> y (B, C, L); W_1 and W_2 (C, C) lie one above the other in `output`. The system is that
of DiagonalSsm under zero-order hold. Norm, dropout and residual belong to the network around the operator.
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import pointwise_cost
from circulant.operators.sequence.diagonal_ssm import DiagonalSsm


def reference(x: Tensor, state: dict[str, Tensor]) -> Tensor:
    A = torch.complex(-state["ssm.log_decay"].exp(), state["ssm.frequency"])
    B, C = (torch.view_as_complex(state[f"ssm.{name}_weight"]) for name in ("input", "output"))
    a = torch.exp(state["ssm.log_step"].exp()[:, None] * A)
    h, outputs = torch.zeros(x.shape[0], *A.shape, dtype=A.dtype), []
    for l in range(x.shape[2]):
        h = a * h + (a - 1) / A * B * x[:, :, l, None]
        z = 2 * (C * h).real.sum(-1) + state["ssm.skip"] * x[:, :, l]
        z = z * (1 + torch.erf(z / 2**0.5)) / 2
        value, gate = (z @ state["output.weight"].T + state["output.bias"]).chunk(2, -1)
        outputs.append(value / (1 + torch.exp(-gate)))
    return torch.stack(outputs, -1)


@final
class S4dMixer1d(Operator):
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
        self.channels = channels
        self.ssm = DiagonalSsm(channels, states, device=device, dtype=dtype)
        self.output = nn.Linear(channels, 2 * channels, device=device, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        return self._mixed(self.ssm(x))

    def _mixed(self, z: Tensor) -> Tensor:
        return F.glu(self.output(F.gelu(z).transpose(1, 2)), dim=-1).transpose(1, 2)

    def initial_state(
        self, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> Tensor:
        return self.ssm.initial_state(batch, device=device, dtype=dtype)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """A chunk x (B, C, n) after state -> y (B, C, n), new state."""
        z, state = self.ssm.step(x, state)
        return self._mixed(z), state

    def cost(self, shape: Shape) -> Cost:
        return self.ssm.cost(shape) + pointwise_cost(shape, 2 * self.channels)


def _mixer(channels: int, spatial: Shape) -> S4dMixer1d:
    return S4dMixer1d(channels)


CARD = Card(
    operators=(S4dMixer1d,),
    reference=reference,
    papers=(
        Paper(
            "Heidari, Ghorbani Kolahi, Karimijafarbigloo, Azad, Bozorgpour, Hatami, Azad, Diba, Bagci, "
            "Merhof and Hacihaliloglu",
            2024,
            "Computation-Efficient Era: A Comprehensive Survey of State Space Models "
            "in Medical Image Analysis",
            "https://arxiv.org/abs/2406.03430",
        ),
        Paper(
            "Gu, Gupta, Goel and Ré",
            2022,
            "On the Parameterization and Initialization of Diagonal State Space Models",
            "https://arxiv.org/abs/2206.11893",
        ),
    ),
    laws=frozenset({Law.CAUSAL, Law.STREAMS}),
    cases=(
        Case((2, 3, 9), lambda: S4dMixer1d(3, 4)),
        Case((1, 2, 70), lambda: S4dMixer1d(2, 2)),
    ),
    refuses=(
        BadInput((2, 4, 12), lambda: S4dMixer1d(3), says="C = 3"),
        BadInput((3, 12), lambda: S4dMixer1d(3), says="(B, C, L)"),
    ),
    mixer=_mixer,
)
