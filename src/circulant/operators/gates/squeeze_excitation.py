r"""Squeeze-and-excitation: each channel is scaled by a gate computed from the means of all channels.

    s = sigmoid(W2 relu(W1 mean_p x[b, :, p] + b1) + b2),   y[b, c, p] = s[b, c] x[b, c, p]

Shapes: x (B, C, *) -> y (B, C, *); W1 (C / reduction, C), W2 (C, C / reduction).
The published parameter counts of SE-ResNet-50 include the biases; `bias=False` leaves them out.
"""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost, matmul_cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape


def reference(x: Tensor, state: dict[str, Tensor]) -> Tensor:
    mean = x.flatten(2).sum(2) / x[0, 0].numel()
    hidden = (mean @ state["reduce.weight"].T + state.get("reduce.bias", 0)).clamp(min=0)
    gate = 1 / (1 + torch.exp(-(hidden @ state["expand.weight"].T + state.get("expand.bias", 0))))
    return x * gate.reshape(*gate.shape, *(1,) * (x.ndim - 2))


class _SqueezeExcitation(Operator):
    """Abstract over the number of spatial axes."""

    def __init__(
        self,
        channels: int,
        reduction: int = 16,
        *,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if not 1 <= reduction <= channels:
            raise ArgumentError(f"expected reduction from 1 to channels = {channels}, got {reduction}")
        self.channels = channels
        hidden = channels // reduction
        self.reduce = nn.Linear(channels, hidden, bias, device=device, dtype=dtype)
        self.expand = nn.Linear(hidden, channels, bias, device=device, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        gate = self.expand(self.reduce(x.flatten(2).mean(2)).relu()).sigmoid()
        return x * gate.reshape(*gate.shape, *(1,) * (x.ndim - 2))

    def cost(self, shape: Shape) -> Cost:
        hidden = self.reduce.out_features
        return matmul_cost(shape[0], shape[1], hidden) + matmul_cost(shape[0], hidden, shape[1])


@final
class SqueezeExcitation1d(_SqueezeExcitation):
    ndims = (1,)


@final
class SqueezeExcitation2d(_SqueezeExcitation):
    ndims = (2,)


@final
class SqueezeExcitation3d(_SqueezeExcitation):
    ndims = (3,)


BY_NDIM: dict[int, type[_SqueezeExcitation]] = {
    1: SqueezeExcitation1d,
    2: SqueezeExcitation2d,
    3: SqueezeExcitation3d,
}


def _mixer(channels: int, spatial: Shape) -> Operator:
    return BY_NDIM[len(spatial)](channels)


CARD = Card(
    operators=tuple(BY_NDIM.values()),
    reference=reference,
    papers=(
        Paper(
            "Hu, Shen, Albanie, Sun and Wu",
            2017,
            "Squeeze-and-Excitation Networks",
            "https://arxiv.org/abs/1709.01507",
        ),
    ),
    laws=frozenset({Law.PERMUTATION_EQUIVARIANT, Law.SHIFT_EQUIVARIANT}),
    cases=(
        Case((2, 4, 5), lambda: SqueezeExcitation1d(4, 2)),
        Case((2, 6, 3, 4), lambda: SqueezeExcitation2d(6, 3, bias=False)),
        Case((1, 4, 2, 3, 2), lambda: SqueezeExcitation3d(4, 4)),
    ),
    refuses=(
        BadInput((2, 5, 4, 4), lambda: SqueezeExcitation2d(4, 2), says="C = 4"),
        BadInput((2, 4, 4), lambda: SqueezeExcitation2d(4, 2), says="(B, C, H, W)"),
    ),
    mixer=_mixer,
)
