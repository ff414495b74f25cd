r"""Global filter: every channel has its own learnt gain at each frequency, beside a map of the channels.

    y[b, c] = irfftn(K[c] . rfftn(x[b, c])) + sum_d W[c, d] x[b, d] + b[c]

Shapes: x (B, C, *spatial) -> y (B, C, *spatial); K is stored for one grid, as pairs (C, *bins, 2) with
bins = (.., n // 2 + 1), W (C, C). The first term is a circular convolution with a kernel as large as the
input, so that one layer stands for depthwise kernels of every size; pointwise=False leaves the second out.

On any other grid K is interpolated linearly along each axis, at the same frequencies in cycles per sample:
the kernel keeps its extent in samples. Of K where the last axis has frequency 0 (or, for an even grid, one
half) only the part counts that belongs to a real kernel. The paper's text is not clear on how weights are
fitted to a grid; this is our choice.
"""

from collections.abc import Iterable
from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape, per_axis
from circulant.engine.costs import pointwise_cost, spectral_filter_cost
from circulant.engine.spectral_filter import spectral_filter

SPREAD = 0.02  # of the first gains, as in the global filter network of Rao et al. (2021)
POINTWISE: dict[int, Any] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


def reference(x: Tensor, state: dict[str, Tensor], grid: Shape = ()) -> Tensor:
    spatial = x.shape[2:]
    K = torch.view_as_complex(state["weight"].contiguous())
    for axis, (n, stored) in enumerate(zip(spatial, grid), 1):
        is_last = axis == len(grid)
        rows = []
        for index in range(n // 2 + 1 if is_last else n):
            lower, rest = divmod(index * stored, n)
            upper = min(lower + 1, stored // 2) if is_last else (lower + 1) % stored
            pair = [K.select(axis, lower), K.select(axis, upper)]
            rows.append((1 - rest / n) * pair[0] + rest / n * pair[1])
        K = torch.stack(rows, axis)
    counted = torch.tensor([1.0 if 2 * k in (0, spatial[-1]) else 2.0 for k in range(spatial[-1] // 2 + 1)])
    kernel = K * counted
    for axis, n in enumerate(spatial, 1):
        angle = 2 * torch.pi * torch.outer(torch.arange(n), torch.arange(kernel.shape[axis])) / n
        kernel = torch.tensordot(kernel, torch.complex(angle.cos(), angle.sin()) / n, ([axis], [1])).movedim(
            -1, axis
        )
    y = torch.zeros_like(x)
    for place in torch.cartesian_prod(*(torch.arange(n) for n in spatial)).reshape(-1, len(spatial)).tolist():
        tap = kernel.real[(slice(None), *place)]
        y = y + tap.reshape(-1, *(1,) * len(spatial)) * x.roll(place, tuple(range(2, x.ndim)))
    if "pointwise.weight" in state:
        y = y + torch.tensordot(x, state["pointwise.weight"].flatten(1), ([1], [1])).movedim(-1, 1)
        y = y + state["pointwise.bias"].reshape(-1, *(1,) * len(spatial))
    return y


def resampled(weight: Tensor, grid: Shape, spatial: Shape) -> Tensor:
    """Half spectra (C, *bins of grid, 2) at the frequencies of another grid -> (C, *bins of spatial, 2)."""
    for axis, (stored, n) in enumerate(zip(grid, spatial), 1):
        if stored == n:
            continue
        is_last = axis == len(grid)
        place = torch.arange(n // 2 + 1 if is_last else n, device=weight.device) * stored
        lower = torch.div(place, n, rounding_mode="floor")
        upper = (lower + 1).clamp(max=stored // 2) if is_last else (lower + 1) % stored
        wide = torch.promote_types(weight.dtype, torch.float32)
        share = ((place % n).to(wide) / n).to(weight.dtype).reshape(-1, *(1,) * (weight.ndim - axis - 1))
        weight = torch.lerp(weight.index_select(axis, lower), weight.index_select(axis, upper), share)
    return weight


class _GlobalFourierFilter(Operator):
    """Abstract over the number of spatial axes. `grid`: the size that the gains are stored for."""

    def __init__(
        self,
        channels: int,
        grid: int | Iterable[int],
        *,
        pointwise: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels, self.grid = channels, per_axis(grid, self.ndims[0], "grid")
        if min(self.grid) < 1:
            raise ArgumentError(f"expected a grid of 1 or more along each axis, got {self.grid}")
        bins = (*self.grid[:-1], self.grid[-1] // 2 + 1)
        self.weight = nn.Parameter(torch.empty(channels, *bins, 2, device=device, dtype=dtype))
        linear = POINTWISE[self.ndims[0]]
        self.pointwise = linear(channels, channels, 1, device=device, dtype=dtype) if pointwise else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.normal_(self.weight, std=SPREAD)
        if self.pointwise is not None:
            self.pointwise.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        spatial = tuple(x.shape[2:])
        gains = resampled(self.weight, self.grid, spatial)
        y = spectral_filter(x, gains)
        return y if self.pointwise is None else y + self.pointwise(x)

    def cost(self, shape: Shape) -> Cost:
        filtered = spectral_filter_cost(shape)
        return filtered if self.pointwise is None else filtered + pointwise_cost(shape, self.channels)

    def extra_repr(self) -> str:
        return f"{self.channels}, grid={self.grid}"


@final
class GlobalFourierFilter1d(_GlobalFourierFilter):
    ndims = (1,)


@final
class GlobalFourierFilter2d(_GlobalFourierFilter):
    ndims = (2,)


@final
class GlobalFourierFilter3d(_GlobalFourierFilter):
    ndims = (3,)


BY_NDIM: dict[int, type[_GlobalFourierFilter]] = {
    1: GlobalFourierFilter1d,
    2: GlobalFourierFilter2d,
    3: GlobalFourierFilter3d,
}


def _mixer(channels: int, spatial: Shape) -> Operator:
    return BY_NDIM[len(spatial)](channels, spatial)


CARD = Card(
    operators=tuple(BY_NDIM.values()),
    reference=reference,
    papers=(
        Paper(
            "Wang, Pan, Dai, Zhao, Li, Zhang and Yu",
            2024,
            "Leveraging Frequency Domain Learning in 3D Vessel Segmentation",
            "https://arxiv.org/abs/2401.06224",
        ),
    ),
    laws=frozenset({Law.LINEAR, Law.SHIFT_EQUIVARIANT}),
    cases=(
        Case((2, 2, 7), lambda: GlobalFourierFilter1d(2, 6), {"grid": (6,)}),
        Case((2, 3, 4, 5), lambda: GlobalFourierFilter2d(3, (4, 5), pointwise=False), {"grid": (4, 5)}),
        Case((1, 2, 3, 2, 4), lambda: GlobalFourierFilter3d(2, (3, 3, 2)), {"grid": (3, 3, 2)}),
    ),
    refuses=(
        BadInput((2, 5, 4, 4), lambda: GlobalFourierFilter2d(4, 4), says="C = 4"),
        BadInput((2, 4, 4, 4), lambda: GlobalFourierFilter3d(4, 4), says="(B, C, D, H, W)"),
        BadInput((2, 4, 4), lambda: GlobalFourierFilter1d(4, 0), says="grid of 1 or more"),
    ),
    mixer=_mixer,
)
