r"""Fourier attention: a clip weighed by its own autocorrelation over time and positions.

    y = x + 0.01 |R| x,   R = ifft2(|fft2(x)|^2), both orthonormal, over (t, p) with p = (h, w) row by row
    R[b, c, t, p] = sum_{s, q} x[b, c, s, q] x[b, c, s + t, q + p] / sqrt(T H W), indices modulo T and H W

Shapes: x (B, C, T, H, W) -> y (B, C, T, H, W). There is nothing to learn: no query, key or value, and the
weight 0.01 is the authors'. It takes the place of self-attention over T H W positions at the price of two
transforms. y grows with the cube of x, so that a norm belongs before it.
"""

from typing import final

import torch
from torch import Tensor

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.operator import Operator, require_input
from circulant.core.pairs import power
from circulant.core.sizes import Shape
from circulant.engine.costs import transform_cost
from circulant.engine.transform import irfftn, rfftn
from circulant.problems.transform import TransformKind

STRENGTH = 0.01


def reference(x: Tensor, state: dict[str, Tensor]) -> Tensor:
    B, C, T, H, W = x.shape
    flat = x.reshape(B, C, T, H * W)
    R = torch.zeros_like(flat)
    for t in range(T):
        for p in range(H * W):
            R[..., t, p] = (flat * flat.roll((-t, -p), (2, 3))).sum((2, 3)) / (T * H * W) ** 0.5
    return x + 0.01 * R.abs().reshape(x.shape) * x


@final
class FourierAttention3d(Operator):
    """device and dtype are taken as by every operator; there is nothing to place."""

    ndims = (3,)

    def __init__(
        self, channels: int, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        return x + STRENGTH * self.autocorrelation(x).abs() * x

    def autocorrelation(self, x: Tensor) -> Tensor:
        """R of the equation, x (B, C, T, H, W) -> (B, C, T, H, W)."""
        flat = x.flatten(3)
        T, P = flat.shape[2:]
        square = power(rfftn(flat, 2, orthonormal=True))
        R = irfftn(torch.stack([square, torch.zeros_like(square)], -1), (T, P), orthonormal=True)
        return R.reshape(x.shape)

    def cost(self, shape: Shape) -> Cost:
        B, C, T, H, W = shape
        there = transform_cost(TransformKind.RFFT, B * C, T, H * W)
        return there + transform_cost(TransformKind.RFFT_ADJOINT, B * C, T, H * W)

    def extra_repr(self) -> str:
        return str(self.channels)


def _mixer(channels: int, spatial: Shape) -> FourierAttention3d:
    return FourierAttention3d(channels)


CARD = Card(
    operators=(FourierAttention3d,),
    reference=reference,
    papers=(
        Paper(
            "Kothandaraman, Guan, Wang, Hu, Lin and Manocha",
            2022,
            "FAR: Fourier Aerial Video Recognition",
            "https://arxiv.org/abs/2203.10694",
        ),
    ),
    laws=frozenset({Law.DEPTHWISE}),
    cases=(
        Case((2, 2, 3, 2, 2), lambda: FourierAttention3d(2)),
        Case((1, 2, 2, 3, 1), lambda: FourierAttention3d(2)),
    ),
    refuses=(
        BadInput((2, 5, 2, 3, 3), lambda: FourierAttention3d(4), says="C = 4"),
        BadInput((2, 4, 6, 6), lambda: FourierAttention3d(4), says="(B, C, D, H, W)"),
    ),
    mixer=_mixer,
)
