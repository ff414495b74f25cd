r"""Gains for the frequencies of real signals: a circular convolution, given by the spectrum of its kernel.

    Y[k] = g[k] X[k],   y = the inverse real transform of Y

X[k] is the real transform of x over all axes, k_d = 0 .. n_d // 2 along the last; of a bin that is its own
mirror image along the last axis the inverse takes what a real signal has. Shapes: x and y
(batch, channels, *sizes), g (gain_rows, *bins, 2), pairs, with gain_rows = channels, or 1 for gains that all
channels share.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from circulant.core.sizes import Shape, product
from circulant.problems.problem import dtype_text, shape_text
from circulant.problems.transform import TransformKind, TransformProblem
from circulant.problems.transform import reference as transformed
from circulant.problems.trilinear import Slot, TrilinearProblem


@final
@dataclass(frozen=True, slots=True)
class SpectralFilterProblem(TrilinearProblem):
    batch: int
    channels: int
    sizes: Shape
    shared: bool  # one row of gains for all channels

    @property
    def input_shape(self) -> Shape:
        return (self.batch, self.channels, *self.sizes)

    @property
    def gain_shape(self) -> Shape:
        rows = 1 if self.shared else self.channels
        return (rows, *TransformKind.RFFT.bins(self.sizes), 2)

    @property
    def slot_shapes(self) -> Mapping[Slot, Shape]:
        return {Slot.OUTPUT: self.input_shape, Slot.INPUT: self.input_shape, Slot.KERNEL: self.gain_shape}

    @property
    def transform(self) -> TransformProblem:
        """Of x, there."""
        return TransformProblem(self.dtype, TransformKind.RFFT, self.batch * self.channels, self.sizes)

    @property
    def flop(self) -> float:
        bins = product(TransformKind.RFFT.bins(self.sizes))
        return 2.0 * self.transform.flop + 6.0 * self.batch * self.channels * bins

    def __str__(self) -> str:
        solved = "" if self.slot is Slot.OUTPUT else f", solved for the {self.slot.value}"
        gains = "shared gains" if self.shared else "gains for each channel"
        return f"spectral filter of {shape_text(self.input_shape)}, {gains}, {dtype_text(self.dtype)}{solved}"

    def for_slot(self, slot: Slot) -> "SpectralFilterProblem":
        return self if slot is self.slot else replace(self, slot=slot)


def reference(problem: SpectralFilterProblem, first: Tensor, second: Tensor) -> Tensor:
    """The transforms as sums; a gain's gradient is what a change of it by one changes."""
    p, rows = problem, problem.batch * problem.channels
    lead = (p.batch, p.channels)

    def along(kind: TransformKind, values: Tensor) -> Tensor:
        moved = transformed(TransformProblem(p.dtype, kind, rows, p.sizes), values.flatten(0, 1))
        return moved.unflatten(0, lead)

    if p.slot is Slot.OUTPUT:
        return along(TransformKind.IRFFT, _product(along(TransformKind.RFFT, first), second))
    turn = torch.tensor([1.0, -1.0], dtype=p.dtype)
    if p.slot is Slot.INPUT:
        bins = _product(along(TransformKind.IRFFT_ADJOINT, first), second * turn)
        return along(TransformKind.RFFT_ADJOINT, bins)
    bins = _product(along(TransformKind.IRFFT_ADJOINT, second), along(TransformKind.RFFT, first) * turn)
    return bins.sum((0, 1)).unsqueeze(0) if p.shared else bins.sum(0)


def _product(z: Tensor, w: Tensor) -> Tensor:
    (a, b), (c, d) = z.unbind(-1), w.unbind(-1)
    return torch.stack([a * c - b * d, a * d + b * c], -1)
