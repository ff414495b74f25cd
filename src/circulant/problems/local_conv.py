r"""Local convolution: every position has a kernel of its own, shared by the channels of a group.

    y[b, c, p] = sum_m w[b, g(c), m, p] x[b, c, stride p + dilation m - before]

with zeros outside x. Shapes: x (B, C, *spatial), w (B, G, prod(kernel), *output_spatial),
y (B, C, *output_spatial); channel c belongs to group g(c) = c // (C / G).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from circulant.core.sizes import Shape, product
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.trilinear import Slot, TrilinearProblem


@final
@dataclass(frozen=True, slots=True)
class LocalConvProblem(TrilinearProblem):
    groups: int
    window: ConvolutionProblem  # the depthwise convolution that shares its sizes

    @property
    def weight_shape(self) -> Shape:
        w = self.window
        return (w.batch, self.groups, product(w.kernel), *w.output_spatial)

    @property
    def slot_shapes(self) -> Mapping[Slot, Shape]:
        return {
            Slot.OUTPUT: self.window.output_shape,
            Slot.INPUT: self.window.input_shape,
            Slot.KERNEL: self.weight_shape,
        }

    @property
    def flop(self) -> float:
        return self.window.flop

    def for_slot(self, slot: Slot) -> "LocalConvProblem":
        return self if slot is self.slot else replace(self, slot=slot)


def reference(problem: LocalConvProblem, first: Tensor, second: Tensor) -> Tensor:
    """The equation above, channel by channel and tap by tap, solved for the problem's slot."""
    window, per_group = problem.window, problem.window.in_channels // problem.groups
    x = torch.zeros(window.batch, window.in_channels, *window.padded_spatial, dtype=first.dtype)
    y = torch.zeros(window.output_shape, dtype=first.dtype)
    w = torch.zeros(problem.weight_shape, dtype=first.dtype)
    if problem.slot is not Slot.INPUT:
        x = window.pad(first)
    for c in range(window.in_channels):
        for tap, met in enumerate(window.tap_windows()):
            g = c // per_group
            if problem.slot is Slot.OUTPUT:
                y[:, c] += second[:, g, tap] * x[:, c][met.at]
            elif problem.slot is Slot.INPUT:
                x[:, c][met.at] += second[:, g, tap] * first[:, c]
            else:
                w[:, g, tap] += x[:, c][met.at] * second[:, c]
    return {Slot.OUTPUT: y, Slot.INPUT: window.crop(x), Slot.KERNEL: w}[problem.slot]
