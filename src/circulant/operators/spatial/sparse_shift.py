r"""Sparse shift: every channel is moved by a learnt whole number of samples, most channels by none.

    y[b, c, p] = x[b, c, p + round(displacement[:, c])]      with zeros outside x
    dL/d displacement: as if x were interpolated linearly at p + displacement[:, c]

Displacements are real numbers, one for each channel and axis. They are rounded where they are used, and
learn from the slopes of the interpolated input; x gets the gradient of the rounded shift. With
rounded=False the interpolated input is the output, too: the active shift.
Shapes: x (B, C, *spatial) -> y (B, C, *spatial); displacement (ndim, C).

A loss gets `penalty`, strength times the sum of all absolute displacements, so that channels which need
no neighbour stay where they are. A displacement learns over distances on which x is smooth. It is held
within `reach` samples, the window of the depthwise one-hot kernel that shifts here; the authors' code has
no such limit. Displacements start uniform within 1 sample; in the authors' code, on an even grid.
"""

from itertools import product
from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.conv_settings import conv_settings
from circulant.operators.spatial.dcls_kernel import DclsVersion, dcls_kernel, dcls_kernel_cost

STRENGTH = 5e-4  # of the penalty, as in the implementation by DeadAt0m
EDGE = 1e-3  # samples below reach, so that a displacement held there still lies between two samples


def reference(x: Tensor, state: dict[str, Tensor], reach: int = 2, rounded: bool = True) -> Tensor:
    displacement = state["displacement"].clamp(-reach, reach)
    spatial = x.shape[2:]
    y = torch.zeros_like(x)
    for c in range(x.shape[1]):
        for tap in product(range(-reach, reach + 1), repeat=len(spatial)):
            share = _share(displacement[:, c], tap)
            if rounded:
                share = _share(displacement[:, c].detach().round(), tap) + (share - share.detach())
            for place in product(*map(range, spatial)):
                source: Any = tuple(p + m for p, m in zip(place, tap))
                if all(0 <= s < n for s, n in zip(source, spatial)):
                    at: Any = (slice(None), c, *place)
                    y[at] += share * x[(slice(None), c, *source)]
    return y


def _share(displacement: Tensor, tap: tuple[int, ...]) -> Tensor:
    """Of a sample that many places away in what linear interpolation gives."""
    share = torch.ones_like(displacement[0])
    for axis, m in enumerate(tap):
        share = share * (1 - (displacement[axis] - m).abs()).clamp(min=0)
    return share


class SparseShiftNd(Operator):
    """Abstract over the number of spatial axes."""

    def __init__(
        self,
        channels: int,
        reach: int = 2,
        *,
        rounded: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if reach < 1:
            raise ArgumentError(f"expected a reach of 1 sample or more, got {reach}")
        self.channels, self.reach, self.rounded = channels, reach, rounded
        ndim = self.ndims[0]
        self.settings = conv_settings(ndim, channels, channels, 2 * reach + 1, padding=reach, groups=channels)
        self.displacement = nn.Parameter(torch.empty(ndim, channels, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.uniform_(self.displacement, -1, 1)

    @torch.no_grad()
    def clamp_parameters(self) -> None:
        """Bring displacements back to where they can learn; for after an optimiser's step."""
        self.displacement.clamp_(-self.reach, self.reach - EDGE)

    def kernel(self) -> Tensor:
        """What each channel is convolved with -> (C, 1, *(2 reach + 1))."""
        held = self.displacement.clamp(-self.reach, self.reach)
        if not self.rounded:
            return self._interpolation(held)
        whole = self._interpolation(held.detach().round())
        if not (torch.is_grad_enabled() and held.requires_grad):
            return whole
        real = self._interpolation(held)
        return whole + (real - real.detach())  # that is whole, to the last bit, with the slope of real

    def _interpolation(self, displacement: Tensor) -> Tensor:
        single = torch.ones_like(displacement[0])[:, None, None]
        places = displacement[:, :, None, None]
        return dcls_kernel(single, places, self.settings.kernel, DclsVersion.V0)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        return self.settings.convolve(x, self.kernel(), None)

    def penalty(self, strength: float = STRENGTH) -> Tensor:
        return strength * self.displacement.abs().sum()

    def unshifted(self) -> Tensor:
        """Which channels stay where they are (C)."""
        return (self.displacement.detach().round() == 0).all(0)

    def cost(self, shape: Shape) -> Cost:
        return self.settings.cost(shape) + dcls_kernel_cost(self.channels, 1, self.settings.kernel)

    def extra_repr(self) -> str:
        return f"{self.channels}, reach={self.reach}, rounded={self.rounded}"


@final
class SparseShift1d(SparseShiftNd):
    ndims = (1,)


@final
class SparseShift2d(SparseShiftNd):
    ndims = (2,)


@final
class SparseShift3d(SparseShiftNd):
    ndims = (3,)


BY_NDIM: dict[int, type[SparseShiftNd]] = {1: SparseShift1d, 2: SparseShift2d, 3: SparseShift3d}


def _mixer(channels: int, spatial: Shape) -> Operator:
    return BY_NDIM[len(spatial)](channels)


STRAIGHT_THROUGH = "displacements learn from slopes between samples, which the rounded output does not have"

CARD = Card(
    operators=tuple(BY_NDIM.values()),
    reference=reference,
    papers=(
        Paper(
            "Chen, Xie, Zhang and Pu",
            2019,
            "All You Need is a Few Shifts: Designing Efficient Convolutional Neural Networks for Image "
            "Classification",
            "https://arxiv.org/abs/1903.05285",
        ),
    ),
    laws=frozenset({Law.LINEAR, Law.DEPTHWISE}),
    cases=(
        Case((2, 5, 6), lambda: SparseShift1d(5)),
        Case((2, 3, 4, 5), lambda: SparseShift2d(3, 1), {"reach": 1}),
        Case((1, 3, 5, 4), lambda: SparseShift2d(3, rounded=False), {"rounded": False}),
        Case((1, 2, 3, 2, 3), lambda: SparseShift3d(2, 1), {"reach": 1}),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: SparseShift2d(3), says="C = 3"),
        BadInput((3, 8, 8), lambda: SparseShift2d(3), says="(B, C, H, W)"),
        BadInput((2, 3, 8, 8), lambda: SparseShift2d(3, 0), says="reach of 1 sample"),
    ),
    mixer=_mixer,
    exempt={"first_derivative": STRAIGHT_THROUGH, "second_derivative": STRAIGHT_THROUGH},
)
