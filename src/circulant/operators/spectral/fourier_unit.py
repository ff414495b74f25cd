r"""Fourier unit: a pointwise map of real and imaginary parts, norm and ReLU, all in the frequency domain.

    z = rfftn(x),   v[b, (o, part)] = relu(BN(sum_{i, p} W[(o, part), (i, p)] z[b, i, p])),   y = irfftn(v)

Shapes: x (B, C, *spatial) -> y (B, O, *spatial); W (2 O, 2 C / groups) takes the channels' real and imaginary
parts in turn, and transforms are orthonormal. Every output sees every input sample, at any size.

linear=True leaves norm and ReLU out: the unit is then a sum of a circular convolution with at most one tap
and of one of the mirrored input (W mixes real and imaginary parts freely); where each 2 x 2 block of W has
the form [[a, -b], [b, a]] it is the circular convolution with a + i b at each frequency of the half spectrum.
"""

from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import convolution_problem, problem_cost, transform_cost
from circulant.engine.transform import irfftn, rfftn
from circulant.problems.transform import TransformKind

POINTWISE: dict[int, Any] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
NORM: dict[int, Any] = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


def reference(
    x: Tensor, state: dict[str, Tensor], groups: int = 1, linear: bool = False, training: bool = False
) -> Tensor:
    axes = list(range(2, x.ndim))
    waves = []
    for n in x.shape[2:]:
        angle = 2 * torch.pi * torch.outer(torch.arange(n), torch.arange(n)) / n
        waves.append(torch.complex(angle.cos(), -angle.sin()) / n**0.5)
    waves[-1] = waves[-1][: x.shape[-1] // 2 + 1]
    z = x.to(waves[0].dtype)
    for axis, wave in zip(axes, waves):
        z = torch.tensordot(z, wave, ([axis], [1])).movedim(-1, axis)
    parts = torch.stack([z.real, z.imag], 2).flatten(1, 2)
    mixed = []
    for some, weight in zip(parts.chunk(groups, 1), state["mix.weight"].flatten(1).chunk(groups, 0)):
        mixed.append(torch.tensordot(some, weight, ([1], [1])).movedim(-1, 1))
    v = torch.cat(mixed, 1)
    if not linear:
        mean, variance = state["norm.running_mean"], state["norm.running_var"]
        if training:
            mean = v.mean((0, *axes))
            variance = v.var((0, *axes), correction=0)
        scale = state["norm.weight"] / torch.sqrt(variance + 1e-5)
        shift = state["norm.bias"] - scale * mean
        v = (v.movedim(1, -1) * scale + shift).movedim(-1, 1).clamp(min=0)
    y = torch.complex(v[:, 0::2], v[:, 1::2])
    L = x.shape[-1]
    y = y * torch.tensor([1.0 if 2 * k in (0, L) else 2.0 for k in range(L // 2 + 1)])
    for axis, wave in zip(axes, waves):
        y = torch.tensordot(y, wave.conj(), ([axis], [0])).movedim(-1, axis)
    return y.real


class _FourierUnit(Operator):
    """Abstract over the number of spatial axes."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int | None = None,
        *,
        groups: int = 1,
        linear: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.in_channels, self.out_channels = in_channels, out_channels or in_channels
        if groups < 1 or in_channels % groups or self.out_channels % groups:
            raise ArgumentError(
                f"expected groups as a divisor of {in_channels} and {self.out_channels}, got {groups}"
            )
        ndim = self.ndims[0]
        settings: Any = {"device": device, "dtype": dtype}
        self.mix = POINTWISE[ndim](
            2 * in_channels, 2 * self.out_channels, 1, groups=groups, bias=False, **settings
        )
        self.norm = None if linear else NORM[ndim](2 * self.out_channels, **settings)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.in_channels, self.ndims)
        spatial = tuple(x.shape[2:])
        parts = rfftn(x, len(spatial), orthonormal=True).movedim(-1, 2).flatten(1, 2)
        mixed = self.mix(parts)
        if self.norm is not None:
            mixed = self.norm(mixed).relu()
        spectrum = mixed.unflatten(1, (self.out_channels, 2)).movedim(2, -1)
        return irfftn(spectrum, spatial, orthonormal=True)

    def cost(self, shape: Shape) -> Cost:
        B, I, *spatial = shape
        sizes = tuple(spatial)
        bins = (B, 2 * I, *sizes[:-1], sizes[-1] // 2 + 1)
        mixing = convolution_problem(bins, tuple(self.mix.weight.shape), groups=self.mix.groups)
        to_bins, back = TransformKind.RFFT, TransformKind.RFFT_ADJOINT
        transforms = transform_cost(to_bins, B * I, *sizes)
        transforms = transforms + transform_cost(back, B * self.out_channels, *sizes)
        return transforms + problem_cost(mixing)

    def extra_repr(self) -> str:
        return f"{self.in_channels}, {self.out_channels}"


@final
class FourierUnit1d(_FourierUnit):
    ndims = (1,)


@final
class FourierUnit2d(_FourierUnit):
    ndims = (2,)


@final
class FourierUnit3d(_FourierUnit):
    ndims = (3,)


BY_NDIM: dict[int, type[_FourierUnit]] = {1: FourierUnit1d, 2: FourierUnit2d, 3: FourierUnit3d}


def _mixer(channels: int, spatial: Shape) -> Operator:
    return BY_NDIM[len(spatial)](channels)


CARD = Card(
    operators=tuple(BY_NDIM.values()),
    reference=reference,
    papers=(
        Paper(
            "Quattrini, Pippi, Cascianelli and Cucchiara",
            2023,
            "Volumetric Fast Fourier Convolution for Detecting Ink on the Carbonized Herculaneum Papyri",
            "https://arxiv.org/abs/2308.05070",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 2, 7), lambda: FourierUnit1d(2, 3)),
        Case((2, 4, 3, 4), lambda: FourierUnit2d(4, 2, groups=2), {"groups": 2}),
        Case((1, 2, 3, 2, 4), lambda: FourierUnit3d(2)),
        Case((1, 2, 2, 3, 3), lambda: FourierUnit3d(2, linear=True), {"linear": True}),
    ),
    refuses=(
        BadInput((2, 5, 4, 4), lambda: FourierUnit2d(4), says="C = 4"),
        BadInput((2, 4, 4, 4), lambda: FourierUnit3d(4), says="(B, C, D, H, W)"),
        BadInput((2, 4, 4), lambda: FourierUnit1d(4, 6, groups=4), says="divisor of 4 and 6"),
    ),
    mixer=_mixer,
)
