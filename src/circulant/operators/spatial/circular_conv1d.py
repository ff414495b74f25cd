r"""Circular convolution: the sequence is a ring, as the phases of a breath or the hours of a day are.

    y[b, o, l] = b[o] + sum_i,m w[o, i, m] x[b, i, (l + dilation (m - K // 2)) mod L]

Shapes: x (B, I, L) -> y (B, O, L); weight (O, I / groups, K), bias (O), K odd. Nothing is a border: rolling x
rolls y. The kernel reaches at most once around the ring, dilation (K // 2) <= L.
"""

from typing import final

import torch
from torch import Tensor

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.conv_settings import TorchConv, conv_settings
from circulant.operators.spatial.dense_conv import DenseConv


def reference(x: Tensor, state: dict[str, Tensor], dilation: int = 1, groups: int = 1) -> Tensor:
    weight, L = state["conv.weight"], x.shape[2]
    O, I, K = weight.shape
    y = x.new_zeros(x.shape[0], O, L)
    for o in range(O):
        for i in range(I):
            for m in range(K):
                for l in range(L):
                    met = (l + dilation * (m - K // 2)) % L
                    y[:, o, l] += weight[o, i, m] * x[:, o // (O // groups) * I + i, met]
    return y + state["conv.bias"][:, None] if "conv.bias" in state else y


@final
class CircularConv1d(Operator):
    ndims = (1,)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ArgumentError(f"expected an odd kernel_size, got {kernel_size}")
        settings = conv_settings(
            1, in_channels, out_channels, kernel_size, 1, "same", dilation, groups, "circular"
        )
        self.conv = DenseConv(settings, bias=bias, device=device, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.conv.settings.in_channels, self.ndims)
        return self.conv(x)

    def to_conv(self) -> TorchConv:
        """torch's own layer with a copy of the kernel."""
        return self.conv.settings.layer(self.conv.weight, self.conv.bias)

    def cost(self, shape: Shape) -> Cost:
        return self.conv.cost(shape)


def _mixer(channels: int, spatial: Shape) -> CircularConv1d:
    return CircularConv1d(channels, channels, 3)


CARD = Card(
    operators=(CircularConv1d,),
    reference=reference,
    papers=(
        Paper(
            "Deng, Chen, Zhou, Hu, Xu, Sun, Lyu, Xi, Chen and Zhao",
            2024,
            "RSTAR: Rotational Streak Artifact Reduction in 4D CBCT "
            "using Separable and Circular Convolutions",
            "https://arxiv.org/abs/2403.16361",
        ),
    ),
    laws=frozenset({Law.LINEAR, Law.SHIFT_EQUIVARIANT}),
    cases=(
        Case((2, 3, 7), lambda: CircularConv1d(3, 2, 3)),
        Case((1, 4, 6), lambda: CircularConv1d(4, 4, 5, 3, 2, False), {"dilation": 3, "groups": 2}),
    ),
    refuses=(
        BadInput((2, 4, 8), lambda: CircularConv1d(3, 3, 3), says="C = 3"),
        BadInput((2, 3, 8), lambda: CircularConv1d(3, 3, 4), says="odd kernel_size"),
        BadInput((2, 3, 4), lambda: CircularConv1d(3, 3, 11), says="padding of at most 4"),
    ),
    mixer=_mixer,
)
