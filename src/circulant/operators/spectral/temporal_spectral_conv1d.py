r"""Temporal spectral convolution: the lowest frequencies along time, mixed over channels, beside the identity.

    y = W x + LeakyReLU(irfft(v)),   v[b, o, k] = sum_i R[i, o, k] rfft(x)[b, i, k] for k < modes, else 0

Shapes: x (B, C, T, *) -> y (B, O, T, *); R as pairs (C, O, modes, 2), the slope below zero is 0.01.
Each position of the other axes goes through time alone, without padding: along time the linear part is a
circular convolution. W is the identity where C = O, and a map of the channels where it must be or is asked
for (project=True). A clip of T samples has T // 2 + 1 frequencies; modes beyond them are not used.
Spectra are divided by nothing and sums by T, so that the same weights serve every T: twice as many samples
of a band-limited trajectory give the same values in between.
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape, product
from circulant.engine.costs import pointwise_cost, transform_cost
from circulant.engine.transform import irfft, rfft
from circulant.operators.spectral.mode_mixing import mix_modes, mix_modes_cost
from circulant.problems.transform import TransformKind

SLOPE = 0.01  # of the activation below zero
MIXER_MODES = 8


def reference(x: Tensor, state: dict[str, Tensor]) -> Tensor:
    T = x.shape[2]
    R = state["weight"]
    v = 0
    for k in range(min(R.shape[2], T // 2 + 1)):
        angle = 2 * torch.pi * k * torch.arange(T) / T
        factor = (1 if 2 * k in (0, T) else 2) / T
        lag = angle[:, None] - angle  # of output and input
        for part, wave in ((0, lag.cos()), (1, -lag.sin() * (2 * k not in (0, T)))):
            mixed = torch.tensordot(x, R[:, :, k, part], ([1], [0])).movedim(-1, 1)
            v = v + factor * torch.tensordot(mixed, wave, ([2], [1])).movedim(-1, 2)
    y = torch.where(v > 0, v, 0.01 * v)
    if "project.weight" not in state:
        return x + y
    carried = torch.tensordot(x, state["project.weight"], ([1], [1])) + state["project.bias"]
    return carried.movedim(-1, 1) + y


@final
class TemporalSpectralConv1d(Operator):
    """Takes sequences (B, C, T) and clips (B, C, T, H, W)."""

    ndims = (1, 3)

    def __init__(
        self,
        in_channels: int,
        modes: int,
        out_channels: int | None = None,
        *,
        project: bool | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.in_channels, self.out_channels = in_channels, out_channels or in_channels
        if modes < 1:
            raise ArgumentError(f"expected modes of 1 or more, got {modes}")
        is_changed = self.in_channels != self.out_channels
        if is_changed and project is False:
            raise ArgumentError(
                f"expected project=True to go from {in_channels} to {out_channels} channels, got False"
            )
        shape = (self.in_channels, self.out_channels, modes, 2)
        self.weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
        maps = is_changed if project is None else project
        self.project = (
            nn.Linear(self.in_channels, self.out_channels, device=device, dtype=dtype) if maps else None
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Both parts uniform from 0 to 1 / (C O), as published."""
        nn.init.uniform_(self.weight, 0, 1 / (self.in_channels * self.out_channels))
        if self.project is not None:
            self.project.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.in_channels, self.ndims)
        y = F.leaky_relu(self.spectral(x), SLOPE)
        carried = x if self.project is None else self.project(x.movedim(1, -1)).movedim(-1, 1)
        return carried + y

    def spectral(self, x: Tensor) -> Tensor:
        """The linear part, x (B, C, T, *) -> irfft(v) (B, O, T, *)."""
        T, others = x.shape[2], x.shape[3:]
        modes = min(self.weight.shape[2], T // 2 + 1)
        series = x.flatten(3).transpose(1, 2) if x.ndim > 3 else x.transpose(1, 2)[..., None]
        low = rfft(series.permute(0, 3, 2, 1)).narrow(3, 0, modes)  # (B, positions, C, modes, 2)
        mixed = mix_modes(low.flatten(0, 1), self.weight.narrow(2, 0, modes))
        v = irfft(F.pad(mixed, (0, 0, 0, T // 2 + 1 - modes)), T)  # (B positions, O, T)
        return v.reshape(len(x), -1, *v.shape[1:]).permute(0, 2, 3, 1).reshape(len(x), -1, T, *others)

    def cost(self, shape: Shape) -> Cost:
        B, I, T, *others = shape
        rows, O = B * product(others), self.out_channels
        modes = min(self.weight.shape[2], T // 2 + 1)
        transforms = transform_cost(TransformKind.RFFT, rows * I, T)
        transforms = transforms + transform_cost(TransformKind.RFFT_ADJOINT, rows * O, T)
        total = transforms + mix_modes_cost(rows, I, O, (modes,))
        return total if self.project is None else total + pointwise_cost(shape, O)

    def extra_repr(self) -> str:
        return f"{self.in_channels}, modes={self.weight.shape[2]}, out_channels={self.out_channels}"


def _mixer(channels: int, spatial: Shape) -> TemporalSpectralConv1d:
    return TemporalSpectralConv1d(channels, MIXER_MODES)


CARD = Card(
    operators=(TemporalSpectralConv1d,),
    reference=reference,
    papers=(
        Paper(
            "Zheng, Nie, Vahdat, Azizzadenesheli and Anandkumar",
            2022,
            "Fast Sampling of Diffusion Models via Operator Learning",
            "https://arxiv.org/abs/2211.13449",
        ),
    ),
    laws=frozenset({Law.SHIFT_EQUIVARIANT}),
    cases=(
        Case((2, 3, 7), lambda: TemporalSpectralConv1d(3, 2)),
        Case((2, 2, 4), lambda: TemporalSpectralConv1d(2, 5, 3)),
        Case((1, 2, 4, 2, 3), lambda: TemporalSpectralConv1d(2, 3, project=True)),
    ),
    refuses=(
        BadInput((2, 5, 6), lambda: TemporalSpectralConv1d(4, 2), says="C = 4"),
        BadInput((2, 4, 6, 6), lambda: TemporalSpectralConv1d(4, 2), says="(B, C, L) or (B, C, D, H, W)"),
        BadInput((2, 4, 6), lambda: TemporalSpectralConv1d(4, 0), says="modes of 1 or more"),
    ),
    mixer=_mixer,
)
