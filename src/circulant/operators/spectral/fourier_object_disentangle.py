r"""Fourier object disentanglement: a clip weighed by how much each pixel changes, by its spectrum over time.

    y[b, c, t, p] = x[b, c, t, p] f_t^2 |X[b, c, t, p]|^2,   X = fft(x over t) / sqrt(T)
    f_t = min(t, T - t) / T

Shapes: x (B, C, T, *) -> y (B, C, T, *). There is nothing to learn. Frame t is paired with frequency index t,
as published. A pixel that does not change has energy at frequency 0 alone, where f is 0: there y is 0.
y grows with the cube of x, so that a norm belongs before it.
"""

from typing import final

import torch
from torch import Tensor

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost, matmul_cost
from circulant.core.operator import Operator, require_input
from circulant.core.pairs import power
from circulant.core.sizes import Shape, product
from circulant.core.waves import waves
from circulant.engine.costs import transform_cost
from circulant.engine.transform import rfft
from circulant.problems.transform import TransformKind


def reference(x: Tensor, state: dict[str, Tensor]) -> Tensor:
    T = x.shape[2]
    frames = []
    for t in range(T):
        angle = 2 * torch.pi * t * torch.arange(T) / T
        real, imaginary = (torch.tensordot(x, wave, ([2], [0])) for wave in (angle.cos(), angle.sin()))
        frames.append(x[:, :, t] * (min(t, T - t) / T) ** 2 * (real**2 + imaginary**2) / T)
    return torch.stack(frames, 2)


@final
class FourierObjectDisentangle(Operator):
    """Takes series (B, C, T) and clips (B, C, T, H, W); device and dtype as every operator does."""

    ndims = (1, 3)

    def __init__(
        self, channels: int, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        return x * self.change(x)

    def change(self, x: Tensor) -> Tensor:
        """f_t^2 |X_t|^2 of real x (B, C, T, *) -> (B, C, T, *)."""
        T = x.shape[2]
        square = power(rfft(x)) if x.ndim == 3 else _power_over_frames(x)
        index = torch.arange(T, device=x.device)
        mirrored = torch.minimum(index, T - index)  # series are real, so that |X_t| = |X_(T - t)|
        frequency = torch.arange(T // 2 + 1, device=x.device).to(square.dtype) / T
        weight = (frequency.square() / T).reshape(-1, *(1,) * (x.ndim - 3))
        return (square * weight).index_select(2, mirrored)

    def cost(self, shape: Shape) -> Cost:
        B, C, T, *others = shape
        if not others:
            return transform_cost(TransformKind.RFFT, B * C, T)
        return matmul_cost(2 * (T // 2 + 1), T, product(others)) * (B * C)

    def extra_repr(self) -> str:
        return str(self.channels)


def _power_over_frames(x: Tensor) -> Tensor:
    """|X_t|^2 of clips (B, C, T, H, W) -> (B, C, T // 2 + 1, H, W), by products, for frames are few."""
    T = x.shape[2]
    cosine, sine = waves(T, torch.arange(T // 2 + 1, device=x.device), x)
    real, imaginary = (torch.cat([cosine, sine]) @ x.flatten(3)).chunk(2, 2)
    return torch.addcmul(real * real, imaginary, imaginary).unflatten(3, x.shape[3:])


def _mixer(channels: int, spatial: Shape) -> FourierObjectDisentangle:
    return FourierObjectDisentangle(channels)


CARD = Card(
    operators=(FourierObjectDisentangle,),
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
        Case((2, 3, 5), lambda: FourierObjectDisentangle(3)),
        Case((1, 2, 4, 2, 3), lambda: FourierObjectDisentangle(2)),
    ),
    refuses=(
        BadInput((2, 5, 6), lambda: FourierObjectDisentangle(4), says="C = 4"),
        BadInput((2, 4, 6, 6), lambda: FourierObjectDisentangle(4), says="(B, C, D, H, W)"),
    ),
    mixer=_mixer,
)
