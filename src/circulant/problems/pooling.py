r"""Pooling: the largest value, or the average, of every window of each channel.

    y[b, c, p] = max_m or mean_m of x[b, c, stride p + m - before]

over the taps m of a window. Outside x lies minus infinity for the largest value, and zero for the
average, which divides by all taps. A largest value is NaN where one of its window is.
Shapes: x (B, C, *spatial), y (B, C, *output_spatial).
"""

from dataclasses import dataclass
from enum import Enum
from math import inf
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.core.sizes import Shape, output_length, product
from circulant.problems.problem import Problem, dtype_text, shape_text


class PoolMode(Enum):
    MAX = "max"
    AVERAGE = "average"


@final
@dataclass(frozen=True, slots=True)
class PoolingProblem(Problem):
    mode: PoolMode
    batch: int
    channels: int
    spatial: Shape
    kernel: Shape
    stride: Shape
    padding: Shape  # before and after along each axis

    @property
    def ndim(self) -> int:
        return len(self.spatial)

    @property
    def output_spatial(self) -> Shape:
        axes = zip(self.spatial, self.kernel, self.stride, self.padding)
        return tuple(output_length(n, k, s, (p, p), 1) for n, k, s, p in axes)

    @property
    def input_shape(self) -> Shape:
        return (self.batch, self.channels, *self.spatial)

    @property
    def operand_shapes(self) -> tuple[Shape, ...]:
        return (self.input_shape,)

    @property
    def result_shape(self) -> Shape:
        return (self.batch, self.channels, *self.output_spatial)

    @property
    def flop(self) -> float:
        """One comparison or sum for each tap."""
        return float(product(self.result_shape) * product(self.kernel))

    def __str__(self) -> str:
        return (
            f"{self.mode.value} pooling of {shape_text(self.input_shape)}, kernel "
            f"{shape_text(self.kernel)}, stride {shape_text(self.stride)}, padding "
            f"{shape_text(self.padding)}, {dtype_text(self.dtype)}"
        )


def reference(problem: PoolingProblem, x: Tensor) -> Tensor:
    """The equation above, window by window."""
    p = problem
    sides = [side for padding in reversed(p.padding) for side in (padding, padding)]
    padded = F.pad(x, sides, value=-inf if p.mode is PoolMode.MAX else 0.0)
    y = torch.zeros(p.result_shape, dtype=x.dtype)
    for place in torch.cartesian_prod(*map(torch.arange, p.output_spatial)).reshape(-1, p.ndim).tolist():
        window = tuple(slice(i * s, i * s + k) for i, s, k in zip(place, p.stride, p.kernel))
        values = padded[(slice(None), slice(None), *window)].flatten(2)
        found = values.amax(-1) if p.mode is PoolMode.MAX else values.mean(-1)
        y[(slice(None), slice(None), *place)] = found
    return y
