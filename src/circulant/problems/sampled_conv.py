r"""Sampled (deformable) convolution: every tap reads the input at a place of its own.

    y[b, c, p] = sum_m a[b, g(c), m, p] x[b, c](stride p + dilation m - before + o[b, g(c), m, :, p])

x between samples is interpolated linearly along each axis and is zero outside. Offsets o are in
samples, axes in the order of the spatial axes. Shapes: x (B, C, *spatial),
o (B, G, prod(kernel), ndim, *output_spatial), a (B, G, prod(kernel), *output_spatial),
y (B, C, *output_spatial).
"""

from dataclasses import dataclass
from itertools import product as index_product
from math import floor
from typing import final

import torch
from torch import Tensor

from circulant.core.sizes import Shape, product
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.problem import Problem


@final
@dataclass(frozen=True, slots=True)
class SampledConvProblem(Problem):
    groups: int
    window: ConvolutionProblem  # the depthwise convolution that shares its sizes

    @property
    def operand_shapes(self) -> tuple[Shape, ...]:
        w = self.window
        sites, places = (w.batch, self.groups, product(w.kernel)), w.output_spatial
        return w.input_shape, (*sites, w.ndim, *places), (*sites, *places)

    @property
    def result_shape(self) -> Shape:
        return self.window.output_shape

    @property
    def flop(self) -> float:
        """Taps, and 2^ndim products and sums for each interpolated sample."""
        return self.window.flop * (1 + 2**self.window.ndim)


def reference(problem: SampledConvProblem, x: Tensor, offset: Tensor, modulation: Tensor) -> Tensor:
    """The equation above for one value at a time."""
    w, per_group = problem.window, problem.window.in_channels // problem.groups
    y = torch.zeros(w.output_shape, dtype=x.dtype)
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
            y[index] += modulation[(*at, *p)] * _interpolate(x[b, c], place)
    return y


def _interpolate(image: Tensor, place: list[float]) -> Tensor:
    total = torch.zeros((), dtype=image.dtype)
    for corner in index_product((0, 1), repeat=image.ndim):
        index = [floor(at) + step for at, step in zip(place, corner)]
        share = 1.0
        for at, i in zip(place, index):
            share *= 1 - abs(at - i)
        if all(0 <= i < size for i, size in zip(index, image.shape)):
            total = total + share * image[tuple(index)]
    return total
