r"""Interactive convolution block: a narrow and a wide convolution that gate each other.

    y = project(narrow(x) gelu(wide(x)) + wide(x) gelu(narrow(x)))

Shapes: x (B, C, L) -> y (B, C, L); narrow sees one sample, wide three, centred, with zeros outside; both lead
from C to `hidden` channels, project leads back. Dropout acts on the gates, after gelu.
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.convolution import convolution
from circulant.engine.costs import convolution_problem, problem_cost
from circulant.operators.sequence.pointwise import pointwise

NARROW, WIDE = 1, 3  # taps
HIDDEN_RATIO = 3


def reference(x: Tensor, state: dict[str, Tensor]) -> Tensor:
    def convolved(values: Tensor, name: str) -> Tensor:
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        rows = []
        for l in range(values.shape[2]):
            total = bias.expand(len(values), -1)
            for m in range(weight.shape[2]):
                source = l + m - weight.shape[2] // 2
                if 0 <= source < values.shape[2]:
                    total = total + values[:, :, source] @ weight[:, :, m].T
            rows.append(total)
        return torch.stack(rows, -1)

    def gelu(values: Tensor) -> Tensor:
        return values * (1 + torch.erf(values / 2**0.5)) / 2

    narrow, wide = convolved(x, "narrow"), convolved(x, "wide")
    return convolved(narrow * gelu(wide) + wide * gelu(narrow), "project")


@final
class InteractiveConvBlock1d(Operator):
    ndims = (1,)

    def __init__(
        self,
        channels: int,
        hidden: int | None = None,
        *,
        dropout: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        hidden = HIDDEN_RATIO * channels if hidden is None else hidden
        if hidden < 1:
            raise ArgumentError(f"expected hidden of 1 or more, got {hidden}")
        if not 0 <= dropout < 1:
            raise ArgumentError(f"expected dropout from 0 to below 1, got {dropout}")
        self.channels, self.hidden, self.dropout = channels, hidden, dropout
        self.narrow = nn.Conv1d(channels, hidden, NARROW, device=device, dtype=dtype)
        self.wide = nn.Conv1d(channels, hidden, WIDE, device=device, dtype=dtype)
        self.project = nn.Conv1d(hidden, channels, NARROW, device=device, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        narrow, wide = _pointwise(self.narrow, x), self._widely(x)
        gated = torch.addcmul(narrow * self._gate(wide), wide, self._gate(narrow))
        return _pointwise(self.project, gated)

    def _widely(self, x: Tensor) -> Tensor:
        weight, bias = self.wide.weight, self.wide.bias
        return convolution(x, weight, bias, stride=(1,), padding=((WIDE // 2,) * 2,), dilation=(1,))

    def _gate(self, x: Tensor) -> Tensor:
        return F.dropout(F.gelu(x), self.dropout, self.training)

    def cost(self, shape: Shape) -> Cost:
        B, _, L = shape
        inner = (B, self.hidden, L)
        return _cost(self.narrow, shape) + _cost(self.wide, shape) + _cost(self.project, inner)

    def extra_repr(self) -> str:
        return f"{self.channels}, hidden={self.hidden}, dropout={self.dropout}"


def _pointwise(layer: nn.Conv1d, x: Tensor) -> Tensor:
    assert layer.bias is not None
    return pointwise(x, layer.weight[..., 0], layer.bias)


def _cost(layer: nn.Conv1d, shape: Shape) -> Cost:
    side = layer.kernel_size[0] // 2
    return problem_cost(convolution_problem(shape, tuple(layer.weight.shape), padding=((side, side),)))


def _mixer(channels: int, spatial: Shape) -> InteractiveConvBlock1d:
    return InteractiveConvBlock1d(channels)


CARD = Card(
    operators=(InteractiveConvBlock1d,),
    reference=reference,
    papers=(
        Paper(
            "Eldele, Ragab, Chen, Wu and Li",
            2024,
            "TSLANet: Rethinking Transformers for Time Series Representation Learning",
            "https://arxiv.org/abs/2404.08472",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 3, 6), lambda: InteractiveConvBlock1d(3)),
        Case((1, 2, 5), lambda: InteractiveConvBlock1d(2, 4, dropout=0.5)),
        Case((2, 2, 1), lambda: InteractiveConvBlock1d(2, 1)),
    ),
    refuses=(
        BadInput((2, 4, 6), lambda: InteractiveConvBlock1d(3), says="C = 3"),
        BadInput((3, 6), lambda: InteractiveConvBlock1d(3), says="(B, C, L)"),
    ),
    mixer=_mixer,
)
