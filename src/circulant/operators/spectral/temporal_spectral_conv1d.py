r"""Temporal spectral convolution: low frequencies along time, mixed over channels, beside the identity.

    y = W x + LeakyReLU(irfft(v)),   v[b, o, k] = sum_i R[i, o, k] rfft(x)[b, i, k] for k < modes, else 0

Shapes: x (B, C, T, *) -> y (B, O, T, *); R as pairs (C, O, modes, 2), the slope below zero is 0.01.
Each position of the other axes goes through time alone, without padding: along time the linear part is a
circular convolution. W is the identity where C = O, and a map of the channels where it must be or is asked
for (project=True). The weights serve every T with room for the modes, and a band-limited trajectory sampled
twice as often gives the same values at the old times.
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost, matmul_cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape, product
from circulant.core.waves import waves
from circulant.engine.costs import pointwise_cost
from circulant.operators.spectral.spectral_conv import SpectralConv1d

SLOPE = 0.01  # of the activation below zero
MIXER_MODES = 8


def reference(x: Tensor, state: dict[str, Tensor]) -> Tensor:
    T, R = x.shape[2], state["spectral.weight"]
    v = torch.zeros(())
    for k in range(R.shape[2]):
        angle = 2 * torch.pi * k * torch.arange(T) / T
        lag = angle[:, None] - angle  # of output and input
        has_mirror_image = 2 * k not in (0, T)
        for part, wave in ((0, lag.cos()), (1, -lag.sin() * has_mirror_image)):
            mixed = torch.tensordot(x, R[:, :, k, part], ([1], [0])).movedim(-1, 1)
            v = v + (1 + has_mirror_image) / T * torch.tensordot(mixed, wave, ([2], [1])).movedim(-1, 2)
    y = v.clamp(min=0) + 0.01 * v.clamp(max=0)
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
        is_changed = self.in_channels != self.out_channels
        if is_changed and project is False:
            raise ArgumentError(
                f"expected project=True to go from {in_channels} to {out_channels} channels, got False"
            )
        self.spectral = SpectralConv1d(self.in_channels, self.out_channels, modes, device=device, dtype=dtype)
        maps = is_changed if project is None else project
        self.project = (
            nn.Linear(self.in_channels, self.out_channels, device=device, dtype=dtype) if maps else None
        )

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.in_channels, self.ndims)
        y = F.leaky_relu(self.along_time(x), SLOPE)
        carried = x if self.project is None else self.project(x.movedim(1, -1)).movedim(-1, 1)
        return carried + y

    def along_time(self, x: Tensor) -> Tensor:
        """The linear part, x (B, C, T, *) -> irfft(v) (B, O, T, *)."""
        if x.ndim == 3:
            return self.spectral(x)
        B, I, T, *others = x.shape
        self.spectral.require_room((T,))
        modes, places = self.spectral.modes[0], product(others)
        to_bins, back = self._waves(T, x)
        low = torch.bmm(to_bins.expand(B * I, -1, -1), x.reshape(B * I, T, places))
        rows = low.reshape(B, I, modes, 2, places).permute(2, 3, 1, 0, 4).reshape(modes, 2 * I, B * places)
        re, im = self.spectral.weight.to(x.dtype).permute(3, 2, 1, 0)  # (modes, O, I) each
        matrices = torch.cat([torch.cat([re, -im], 2), torch.cat([im, re], 2)], 1)
        mixed = torch.bmm(matrices, rows).reshape(2 * modes, -1)
        return (back @ mixed).reshape(T, self.out_channels, B, *others).movedim(2, 0).movedim(1, 2)

    def _waves(self, length: int, like: Tensor) -> tuple[Tensor, Tensor]:
        """From samples to the kept bins (2 modes, T), each real and imaginary, and back (T, 2 modes).

        They are few: along an axis that is not the last one, products with them beat a transform.
        """
        k = torch.arange(self.spectral.modes[0], device=like.device)
        cosine, sine = waves(length, k, like)
        to_bins = torch.stack([cosine, -sine], 1)
        mirrored = (k > 0) & (2 * k < length)
        back = to_bins * ((1 + mirrored.to(like.dtype)) / length)[:, None, None]
        return to_bins.flatten(0, 1), back.flatten(0, 1).T

    def cost(self, shape: Shape) -> Cost:
        B, I, T, *others = shape
        O, modes, places = self.out_channels, self.spectral.modes[0], B * product(others)
        total = matmul_cost(2 * modes, T, I * places) + matmul_cost(T, 2 * modes, O * places)
        total += matmul_cost(2 * O, 2 * I, places) * modes
        if not others:
            total = self.spectral.cost(shape)
        return total if self.project is None else total + pointwise_cost(shape, self.out_channels)

    def extra_repr(self) -> str:
        return f"{self.in_channels}, modes={self.spectral.modes[0]}, out_channels={self.out_channels}"


def _mixer(channels: int, spatial: Shape) -> TemporalSpectralConv1d:
    return TemporalSpectralConv1d(channels, min(MIXER_MODES, spatial[0] // 2 + 1))


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
        Case((2, 2, 4), lambda: TemporalSpectralConv1d(2, 3, 3)),
        Case((1, 2, 4, 2, 3), lambda: TemporalSpectralConv1d(2, 3, project=True)),
    ),
    refuses=(
        BadInput((2, 5, 6), lambda: TemporalSpectralConv1d(4, 2), says="C = 4"),
        BadInput((2, 4, 6, 6), lambda: TemporalSpectralConv1d(4, 2), says="(B, C, L) or (B, C, D, H, W)"),
        BadInput((2, 4, 3), lambda: TemporalSpectralConv1d(4, 4), says="6 samples or more"),
    ),
    mixer=_mixer,
)
