r"""Local convolution: every position has a kernel of its own, shared by the channels of a group.

    y[b, c, p] = sum_m w[b, g(c), m, p] x[b, c, stride p + dilation m - before]

with zeros outside x. Shapes: x (B, C, *spatial), w (B, G, prod(kernel), *output_spatial),
y (B, C, *output_spatial); channel c belongs to group g(c) = c // (C / G).
"""

from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from circulant.core.sizes import Shape, product
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.problem import Problem
from circulant.problems.trilinear import Slot


@final
@dataclass(frozen=True, slots=True)
class LocalConvProblem(Problem):
    slot: Slot
    groups: int
    window: ConvolutionProblem  # the depthwise convolution that shares its sizes

    @property
    def weight_shape(self) -> Shape:
        w = self.window
        return (w.batch, self.groups, product(w.kernel), *w.output_spatial)

    @property
    def result_shape(self) -> Shape:
        return {
            Slot.OUTPUT: self.window.output_shape,
            Slot.INPUT: self.window.input_shape,
            Slot.KERNEL: self.weight_shape,
        }[self.slot]

    @property
    def flop(self) -> float:
        return self.window.flop

    @property
    def io_byte(self) -> float:
        shapes = (self.window.input_shape, self.window.output_shape, self.weight_shape)
        return float(self.dtype.itemsize * sum(product(shape) for shape in shapes))

    def for_slot(self, slot: Slot) -> "LocalConvProblem":
        return replace(self, slot=slot)


def reference(problem: LocalConvProblem, first: Tensor, second: Tensor) -> Tensor:
    """The equation above, channel by channel and tap by tap, solved for the problem's slot."""
    window, per_group = problem.window, problem.window.in_channels // problem.groups
    x = torch.zeros(window.batch, window.in_channels, *window.padded_spatial, dtype=first.dtype)
    y = torch.zeros(window.output_shape, dtype=first.dtype)
    w = torch.zeros(problem.weight_shape, dtype=first.dtype)
    if problem.slot is not Slot.INPUT:
        x = window.pad(first)
    for c in range(window.in_channels):
        for tap, (_, slices) in enumerate(window.tap_windows()):
            at, g = (slice(None), c, *slices), c // per_group
            if problem.slot is Slot.OUTPUT:
                y[:, c] += second[:, g, tap] * x[at]
            elif problem.slot is Slot.INPUT:
                x[at] += second[:, g, tap] * first[:, c]
            else:
                w[:, g, tap] += x[at] * second[:, c]
    return {Slot.OUTPUT: y, Slot.INPUT: window.crop(x), Slot.KERNEL: w}[problem.slot]
