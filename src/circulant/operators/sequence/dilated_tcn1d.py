r"""Dilated temporal convolution: few causal layers whose taps spread fast enough to see the whole sequence.

    h_0 = x,   h_{i+1} = gelu(mix_i sum_m depthwise_i[:, m] h_i[:, :, l - base^i m] + bias_i)
    y = x + h_depth

Shapes: x (B, C, L) -> y (B, C, L); depthwise (depth, C, K), mix (depth, C, C), bias (depth, C). One sample of
y sees 1 + (K - 1)(base^depth - 1) / (base - 1) samples of x; a base above 2 makes that many with few layers.
The work is linear in L. Of the paper the abstract alone was at hand: the order depthwise, mix, gelu and the
residual around all layers are our reading. residual=False leaves it out.
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import ZERO_COST, Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import pointwise_cost
from circulant.operators.sequence.dilated_causal_conv import (
    dilated_causal_conv,
    dilated_causal_cost,
    dilated_filter,
)
from circulant.operators.sequence.pointwise import pointwise

State = tuple[Tensor, ...]


def reference(x: Tensor, state: dict[str, Tensor], base: int = 2, residual: bool = True) -> Tensor:
    depthwise, mix, bias = state["depthwise"], state["mix"], state["bias"]
    h = x
    for i in range(len(mix)):
        rows = []
        for l in range(x.shape[2]):
            total = torch.zeros_like(x[:, :, 0])
            for m in range(depthwise.shape[2]):
                if l - m * base**i >= 0:
                    total = total + depthwise[i, :, m] * h[:, :, l - m * base**i]
            value = total @ mix[i].T + bias[i]
            rows.append(value * (1 + torch.erf(value / 2**0.5)) / 2)
        h = torch.stack(rows, -1)
    return x + h if residual else h


@final
class DilatedTCN1d(Operator):
    ndims = (1,)

    def __init__(
        self,
        channels: int,
        depth: int,
        kernel_size: int = 3,
        base: int = 3,
        *,
        residual: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if min(channels, depth, kernel_size, base) < 1:
            sizes = f"{channels}, {depth}, {kernel_size} and {base}"
            raise ArgumentError(f"expected channels, depth, kernel_size and base of 1 or more, got {sizes}")
        self.channels, self.depth, self.kernel_size, self.base = channels, depth, kernel_size, base
        self.residual = residual
        self.depthwise = nn.Parameter(torch.empty(depth, channels, kernel_size, device=device, dtype=dtype))
        self.mix = nn.Parameter(torch.empty(depth, channels, channels, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(depth, channels, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Drawn such that every layer keeps about the variance of its input, which stacks of layers need."""
        nn.init.normal_(self.depthwise, std=self.kernel_size**-0.5)
        nn.init.normal_(self.mix, std=(2 / self.channels) ** 0.5)
        nn.init.zeros_(self.bias)

    @property
    def receptive_field(self) -> int:
        """Samples of x that one sample of y sees."""
        return 1 + (self.kernel_size - 1) * sum(self.base**i for i in range(self.depth))

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        h = x
        for i, taps in enumerate(self.depthwise.flip(-1)):
            h = self._mixed(i, dilated_filter(h, taps, self.base**i))
        return x + h if self.residual else h

    def _mixed(self, layer: int, h: Tensor) -> Tensor:
        return F.gelu(pointwise(h, self.mix[layer], self.bias[layer]))

    def initial_state(
        self, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> State:
        """The zeros before the first sample of each layer's input."""
        return tuple(
            torch.zeros(
                batch, self.channels, (self.kernel_size - 1) * self.base**layer, device=device, dtype=dtype
            )
            for layer in range(self.depth)
        )

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """A chunk x (B, C, n) after state -> y (B, C, n), new state."""
        h, kept = x, []
        for i, history in enumerate(state):
            h, rest = dilated_causal_conv(h, self.depthwise[i][:, None], self.base**i, history)
            kept.append(rest)
            h = self._mixed(i, h[:, :, 0])
        return x + h if self.residual else h, tuple(kept)

    def cost(self, shape: Shape) -> Cost:
        total = ZERO_COST
        for layer in range(self.depth):
            depthwise = dilated_causal_cost(shape, 1, self.kernel_size, self.base**layer)
            total = total + depthwise + pointwise_cost(shape, self.channels)
        return total

    def extra_repr(self) -> str:
        return (
            f"{self.channels}, depth={self.depth}, kernel_size={self.kernel_size}, base={self.base}, "
            f"residual={self.residual}"
        )


def covering(length: int, kernel_size: int, base: int) -> int:
    """The fewest layers whose receptive field holds that many samples."""
    depth, seen = 0, 1
    while seen < length:
        seen += (kernel_size - 1) * base**depth
        depth += 1
    return max(depth, 1)


def _mixer(channels: int, spatial: Shape) -> DilatedTCN1d:
    return DilatedTCN1d(channels, covering(spatial[0], 5, 4), 5, 4)


CARD = Card(
    operators=(DilatedTCN1d,),
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
        Case((2, 3, 9), lambda: DilatedTCN1d(3, 2), {"base": 3}),
        Case((1, 2, 8), lambda: DilatedTCN1d(2, 2, 2, 4, residual=False), {"base": 4, "residual": False}),
        Case((2, 1, 3), lambda: DilatedTCN1d(1, 1, 4, 2), {"base": 2}),
    ),
    refuses=(
        BadInput((2, 4, 9), lambda: DilatedTCN1d(3, 2), says="C = 3"),
        BadInput((3, 9), lambda: DilatedTCN1d(3, 2), says="(B, C, L)"),
    ),
    mixer=_mixer,
)
