r"""Gathered convolution: every output sums over a list of neighbours of its own.

    y[b, o, p] = sum_{i, m} w[o, i, m] x[b, i, index[p, m]]

over the input channels i of the group of o; index -1 adds nothing. Convolutions on grids that are not
rectangular, on meshes and on graphs of fixed degree are of this form. Slot INPUT adds each output's
gradient back to its neighbours.
Shapes: x (B, I, N), w (O, I / groups, M), index (P, M) of whole numbers from -1 to N - 1, y (B, O, P).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from circulant.core.errors import ArgumentError
from circulant.core.sizes import Shape
from circulant.problems.problem import dtype_text, shape_text
from circulant.problems.trilinear import Slot, TrilinearProblem

NONE = -1  # the index of no neighbour


@final
@dataclass(frozen=True, slots=True)
class GatheredConvProblem(TrilinearProblem):
    batch: int
    in_channels: int
    out_channels: int
    places: int  # N
    outputs: int  # P
    taps: int  # M
    groups: int

    @property
    def is_depthwise(self) -> bool:
        return self.groups == self.in_channels == self.out_channels

    @property
    def index_shape(self) -> Shape:
        return (self.outputs, self.taps)

    @property
    def slot_shapes(self) -> Mapping[Slot, Shape]:
        return {
            Slot.OUTPUT: (self.batch, self.out_channels, self.outputs),
            Slot.INPUT: (self.batch, self.in_channels, self.places),
            Slot.KERNEL: (self.out_channels, self.in_channels // self.groups, self.taps),
        }

    @property
    def flop(self) -> float:
        products = self.taps * self.in_channels // self.groups
        return 2.0 * self.batch * self.out_channels * self.outputs * products

    def __str__(self) -> str:
        solved = "" if self.slot is Slot.OUTPUT else f", solved for the {self.slot.value}"
        x, w = self.slot_shapes[Slot.INPUT], self.slot_shapes[Slot.KERNEL]
        return (
            f"gathered convolution of {shape_text(x)} with {shape_text(w)}, {self.outputs} outputs, "
            f"groups {self.groups}, {dtype_text(self.dtype)}{solved}"
        )

    def for_slot(self, slot: Slot) -> "GatheredConvProblem":
        return self if slot is self.slot else replace(self, slot=slot)

    def require_index(self, index: Tensor) -> None:
        """Raise unless every index is that of a place, or NONE."""
        least, most = (int(end) for end in index.aminmax())
        if least < NONE or most >= self.places:
            raise ArgumentError(
                f"expected every index from {NONE} to N - 1 = {self.places - 1}, got {least} to {most}; "
                "correct the list of neighbours"
            )


def reference(problem: GatheredConvProblem, first: Tensor, second: Tensor, index: Tensor) -> Tensor:
    """The equation above, neighbour by neighbour, solved for the problem's slot."""
    ins, outs = problem.in_channels // problem.groups, problem.out_channels // problem.groups
    result = torch.zeros(problem.result_shape, dtype=first.dtype)
    for p in range(problem.outputs):
        for m in range(problem.taps):
            n = int(index[p, m])
            if n == NONE:
                continue
            for group in range(problem.groups):
                i, o = slice(group * ins, (group + 1) * ins), slice(group * outs, (group + 1) * outs)
                if problem.slot is Slot.OUTPUT:
                    result[:, o, p] += first[:, i, n] @ second[o, :, m].T
                elif problem.slot is Slot.INPUT:
                    result[:, i, n] += first[:, o, p] @ second[o, :, m]
                else:
                    result[o, :, m] += second[:, o, p].T @ first[:, i, n]
    return result
