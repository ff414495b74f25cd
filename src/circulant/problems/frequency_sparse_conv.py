r"""Long convolution with a kernel of which only the lowest frequencies are kept.

    Y[f] = X[f] K[f] for f < keep, 0 above;   y = the first L samples of the inverse transform of Y

X and K are real transforms of n points of x and k, zeros after their ends; f = 0 .. n // 2 counts
cycles in n samples. n >= 2 L keeps the end of x from wrapping onto its beginning, n = L makes the
convolution circular. A kernel without its high frequencies rings around its taps, so y is not causal.
Shapes: x (B, C, L), k (C, K), y (B, C, L), with L <= n and K <= n.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from circulant.core.cost import rfft_flop
from circulant.core.sizes import Shape
from circulant.problems.problem import dtype_text, shape_text
from circulant.problems.trilinear import Slot, TrilinearProblem


@final
@dataclass(frozen=True, slots=True)
class FrequencySparseConvProblem(TrilinearProblem):
    batch: int
    channels: int
    length: int
    kernel: int
    n: int
    keep: int  # bins 0 .. keep - 1

    @property
    def input_shape(self) -> Shape:
        return (self.batch, self.channels, self.length)

    @property
    def slot_shapes(self) -> Mapping[Slot, Shape]:
        kernel = (self.channels, self.kernel)
        return {Slot.OUTPUT: self.input_shape, Slot.INPUT: self.input_shape, Slot.KERNEL: kernel}

    @property
    def flop(self) -> float:
        rows = self.batch * self.channels
        return (2 * rows + self.channels) * rfft_flop(self.n) + 6.0 * rows * self.keep

    def __str__(self) -> str:
        solved = "" if self.slot is Slot.OUTPUT else f", solved for the {self.slot.value}"
        return (
            f"frequency-sparse convolution of {shape_text(self.input_shape)} with {self.kernel} taps, "
            f"{self.keep} of {self.n // 2 + 1} bins, {dtype_text(self.dtype)}{solved}"
        )

    def for_slot(self, slot: Slot) -> "FrequencySparseConvProblem":
        return self if slot is self.slot else replace(self, slot=slot)


def reference(problem: FrequencySparseConvProblem, first: Tensor, second: Tensor) -> Tensor:
    """A sum over lags, each weighed by what the kept frequencies leave of it, solved for the slot."""
    p = problem
    lag = torch.arange(p.n)
    kept = torch.zeros(p.n, dtype=first.dtype)  # what is left of a single impulse, n times over
    for f in range(p.keep):
        mirrored = 1 if f == 0 or 2 * f == p.n else 2
        kept += mirrored * torch.cos(2 * torch.pi / p.n * (f * lag % p.n).to(first.dtype)) / p.n
    result = torch.zeros(p.result_shape, dtype=first.dtype)
    position = torch.arange(p.length)
    for m in range(p.kernel):
        weights = kept[(position[:, None] - position - m) % p.n]  # output, input
        if p.slot is Slot.OUTPUT:
            result += second[:, m, None] * (first @ weights.T)
        elif p.slot is Slot.INPUT:
            result += second[:, m, None] * (first @ weights)
        else:
            result[:, m] = ((first @ weights.T) * second).sum((0, 2))
    return result
