r"""Sampled (deformable) convolution: every tap reads the input at a place of its own.

    y[b, c, p] = sum_m a[b, g(c), m, p] x[b, c](stride p + dilation m - before + o[b, g(c), m, :, p])

x between samples is interpolated linearly along each axis and is zero outside. Offsets o are in
samples, axes in the order of the spatial axes. Shapes: x (B, C, *spatial),
o (B, G, prod(kernel), ndim, *output_spatial), a (B, G, prod(kernel), *output_spatial),
y (B, C, *output_spatial).

Sampling is not linear in its places, so the gradients are a computation of their own: with the output's
gradient as a fourth operand, those of x, o and a, one after another in one row of numbers. Where a place
is whole, the slope is that towards the next sample.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from itertools import product as index_product
from math import floor, prod
from typing import final

import torch
from torch import Tensor

from circulant.core.sizes import Shape, product
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.problem import Problem


class SampledResult(Enum):
    """What is computed."""

    OUTPUT = "output"
    GRADIENTS = "gradients"


@final
@dataclass(frozen=True, slots=True)
class SampledConvProblem(Problem):
    groups: int
    window: ConvolutionProblem  # the depthwise convolution that shares its sizes
    result: SampledResult = SampledResult.OUTPUT

    @property
    def _leaf_shapes(self) -> tuple[Shape, Shape, Shape]:
        """Of x, offset and modulation."""
        w = self.window
        sites, places = (w.batch, self.groups, product(w.kernel)), w.output_spatial
        return w.input_shape, (*sites, w.ndim, *places), (*sites, *places)

    @property
    def operand_shapes(self) -> tuple[Shape, ...]:
        if self.result is SampledResult.OUTPUT:
            return self._leaf_shapes
        return *self._leaf_shapes, self.window.output_shape

    @property
    def result_shape(self) -> Shape:
        if self.result is SampledResult.OUTPUT:
            return self.window.output_shape
        return (sum(product(shape) for shape in self._leaf_shapes),)

    @property
    def flop(self) -> float:
        """Taps, and 2^ndim products and sums for each interpolated sample; as much for each gradient."""
        results = 1 if self.result is SampledResult.OUTPUT else len(self._leaf_shapes)
        return self.window.flop * (1 + 2**self.window.ndim) * results

    def gradients(self) -> "SampledConvProblem":
        return replace(self, result=SampledResult.GRADIENTS)

    def split(self, row: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The row of the gradients -> those of x, offset and modulation."""
        x, offset, modulation = self._leaf_shapes
        parts = row.split([product(x), product(offset), product(modulation)])
        return parts[0].view(x), parts[1].view(offset), parts[2].view(modulation)


def reference(
    problem: SampledConvProblem, x: Tensor, offset: Tensor, modulation: Tensor, g: Tensor | None = None
) -> Tensor:
    """The equation above for one value at a time; with the output's gradient g, its derivatives."""
    w, per_group = problem.window, problem.window.in_channels // problem.groups
    y = torch.zeros(w.output_shape, dtype=x.dtype)
    gx, go, ga = torch.zeros_like(x), torch.zeros_like(offset), torch.zeros_like(modulation)
    taps = list(index_product(*(range(k) for k in w.kernel)))
    for index in index_product(*(range(n) for n in w.output_shape)):
        b, c, *p = index
        for m, tap in enumerate(taps):
            at = (b, c // per_group, m)
            place = [
                p[axis] * w.stride[axis]
                + tap[axis] * w.dilation[axis]
                - w.padding[axis][0]
                + float(offset[(*at, axis, *p)])
                for axis in range(w.ndim)
            ]
            weight, down = modulation[(*at, *p)], 1.0 if g is None else g[index]
            for corner in _corners(place, w.spatial):
                sample = x[(b, c, *corner.index)]
                y[index] += weight * corner.share * sample
                gx[(b, c, *corner.index)] += down * weight * corner.share
                ga[(*at, *p)] += down * corner.share * sample
                for axis, slope in enumerate(corner.slopes):
                    go[(*at, axis, *p)] += down * weight * slope * sample
    return y if g is None else torch.cat([gx.flatten(), go.flatten(), ga.flatten()])


@final
@dataclass(frozen=True, slots=True)
class _Corner:
    """A sample beside a place, its share in the value there, and how that grows along each axis."""

    index: tuple[int, ...]
    share: float
    slopes: tuple[float, ...]


def _corners(place: list[float], spatial: Shape) -> Iterator[_Corner]:
    for steps in index_product((0, 1), repeat=len(place)):
        index = tuple(floor(at) + step for at, step in zip(place, steps))
        if not all(0 <= i < size for i, size in zip(index, spatial)):
            continue
        shares = [1 - abs(at - i) for at, i in zip(place, index)]
        signs = [1.0 if step else -1.0 for step in steps]
        slopes = [prod([*shares[:axis], sign, *shares[axis + 1 :]]) for axis, sign in enumerate(signs)]
        yield _Corner(index, prod(shares), tuple(slopes))
