r"""Long depthwise convolution along one axis (a true convolution: the kernel runs backwards in time).

    y[b, c, l] = sum_{m=0}^{K-1} k[c, m] x[b, c, l + shift - m]

with zeros outside x, or indices modulo L when circular. shift 0 is causal; shift (K - 1) // 2
centres the kernel. Its adjoints are a correlation with k (slot INPUT) and one of y's gradient with
x, summed over the batch (slot KERNEL).
Shapes: x (B, C, L), k (C, K), y (B, C, L), with K <= L + shift, and K <= L when circular.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from circulant.core.sizes import Shape
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.problem import dtype_text, shape_text
from circulant.problems.trilinear import Slot, TrilinearProblem


@final
@dataclass(frozen=True, slots=True)
class LongConvProblem(TrilinearProblem):
    batch: int
    channels: int
    length: int
    kernel: int
    shift: int
    circular: bool

    @property
    def input_shape(self) -> Shape:
        return (self.batch, self.channels, self.length)

    @property
    def slot_shapes(self) -> Mapping[Slot, Shape]:
        kernel = (self.channels, self.kernel)
        return {Slot.OUTPUT: self.input_shape, Slot.INPUT: self.input_shape, Slot.KERNEL: kernel}

    @property
    def flop(self) -> float:
        return 2.0 * self.batch * self.channels * self.length * self.kernel

    @property
    def transform_room(self) -> int:
        """Shortest transform whose wrap-around stays outside the samples that are kept."""
        if self.circular:
            return self.length
        return max(self.length + self.kernel - 1 - self.shift, self.length + self.shift)

    def __str__(self) -> str:
        solved = "" if self.slot is Slot.OUTPUT else f", solved for the {self.slot.value}"
        boundary = "circular" if self.circular else f"shift {self.shift}"
        return (
            f"long convolution of {shape_text(self.input_shape)} with {self.kernel} taps, {boundary}, "
            f"{dtype_text(self.dtype)}{solved}"
        )

    def for_slot(self, slot: Slot) -> "LongConvProblem":
        return self if slot is self.slot else replace(self, slot=slot)

    def as_convolution(self) -> ConvolutionProblem:
        """The same sum as a depthwise convolution with the flipped kernel.

        A circular problem's input has its last K - 1 samples laid before it once more.
        """
        wrapped = self.kernel - 1 if self.circular else 0
        before = 0 if self.circular else self.kernel - 1 - self.shift
        return ConvolutionProblem(
            dtype=self.dtype,
            slot=self.slot,
            batch=self.batch,
            in_channels=self.channels,
            out_channels=self.channels,
            spatial=(self.length + wrapped,),
            kernel=(self.kernel,),
            stride=(1,),
            padding=((before, self.shift),),
            dilation=(1,),
            groups=self.channels,
        )


def reference(problem: LongConvProblem, first: Tensor, second: Tensor) -> Tensor:
    """The equation above, tap by tap, solved for the problem's slot."""
    p, L = problem, problem.length
    position = torch.arange(L)
    result = torch.zeros(p.result_shape, dtype=first.dtype)
    for m in range(p.kernel):
        source = position + p.shift - m  # the sample of x that tap m meets
        inside = torch.ones(L, dtype=torch.bool) if p.circular else (source >= 0) & (source < L)
        source, target = source[inside] % L, position[inside]
        if p.slot is Slot.OUTPUT:
            result[..., target] += second[:, m, None] * first[..., source]
        elif p.slot is Slot.INPUT:
            result[..., source] += second[:, m, None] * first[..., target]
        else:
            result[:, m] = (first[..., source] * second[..., target]).sum(dim=(0, 2))
    return result
