r"""Dense, grouped or depthwise convolution in n dimensions (cross-correlation, as in torch).

    y[b, o, p] = sum_{i, m} w[o, i, m] x[b, i, stride p + dilation m - before]

over the input channels i of the group of o, with zeros outside x. Its two adjoints are the
transposed convolution (slot INPUT) and the weight gradient (slot KERNEL).
Shapes: x (B, I, *spatial), w (O, I / groups, *kernel), y (B, O, *output_spatial).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product as index_product
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.core.sizes import Shape, effective_kernel, output_length, product
from circulant.problems.problem import dtype_text, shape_text
from circulant.problems.trilinear import Slot, TrilinearProblem

Padding = tuple[tuple[int, int], ...]

CHANNELS_LAST = {2: torch.channels_last, 3: torch.channels_last_3d}  # layouts of torch, by spatial axes


@final
@dataclass(frozen=True, slots=True)
class TapWindow:
    """A kernel index, as an index of (.., *kernel), and that of the samples (.., *spatial) it meets."""

    tap: Any
    at: Any


@final
@dataclass(frozen=True, slots=True)
class ConvolutionProblem(TrilinearProblem):
    batch: int
    in_channels: int
    out_channels: int
    spatial: Shape
    kernel: Shape
    stride: Shape
    padding: Padding  # zeros (before, after) along each axis
    dilation: Shape
    groups: int
    channels_last: bool = False  # how the first operand lies in memory

    @property
    def ndim(self) -> int:
        return len(self.spatial)

    @property
    def padded_spatial(self) -> Shape:
        return tuple(size + before + after for size, (before, after) in zip(self.spatial, self.padding))

    @property
    def effective_kernel(self) -> Shape:
        return tuple(effective_kernel(k, d) for k, d in zip(self.kernel, self.dilation))

    @property
    def output_spatial(self) -> Shape:
        axes = zip(self.spatial, self.kernel, self.stride, self.padding, self.dilation)
        return tuple(output_length(*axis) for axis in axes)

    @property
    def is_depthwise(self) -> bool:
        return self.groups == self.in_channels == self.out_channels

    @property
    def has_symmetric_padding(self) -> bool:
        return all(before == after for before, after in self.padding)

    @property
    def input_shape(self) -> Shape:
        return (self.batch, self.in_channels, *self.spatial)

    @property
    def weight_shape(self) -> Shape:
        return (self.out_channels, self.in_channels // self.groups, *self.kernel)

    @property
    def output_shape(self) -> Shape:
        return (self.batch, self.out_channels, *self.output_spatial)

    @property
    def slot_shapes(self) -> Mapping[Slot, Shape]:
        return {
            Slot.OUTPUT: self.output_shape,
            Slot.INPUT: self.input_shape,
            Slot.KERNEL: self.weight_shape,
        }

    @property
    def flop(self) -> float:
        taps = product(self.kernel) * self.in_channels // self.groups
        return 2.0 * self.batch * self.out_channels * product(self.output_spatial) * taps

    def __str__(self) -> str:
        solved = "" if self.slot is Slot.OUTPUT else f", solved for the {self.slot.value}"
        layout = ", channels last" if self.channels_last else ""
        return (
            f"convolution of {shape_text(self.input_shape)} with {shape_text(self.weight_shape)}, stride "
            f"{shape_text(self.stride)}, padding {self.padding}, dilation {shape_text(self.dilation)}, "
            f"groups {self.groups}, {dtype_text(self.dtype)}{layout}{solved}"
        )

    def for_slot(self, slot: Slot) -> "ConvolutionProblem":
        return self if slot is self.slot else replace(self, slot=slot)

    def pad(self, x: Tensor) -> Tensor:
        """x (.., *spatial) with its zeros around it -> (.., *padded_spatial)."""
        return F.pad(x, [side for pair in reversed(self.padding) for side in pair])

    def crop(self, padded: Tensor) -> Tensor:
        """The adjoint of `pad`."""
        for axis, (size, (before, _)) in enumerate(zip(self.spatial, self.padding), padded.ndim - self.ndim):
            padded = padded.narrow(axis, before, size)
        return padded

    def tap_windows(self) -> list[TapWindow]:
        """For each kernel index: the samples of the padded input that it meets."""
        windows = []
        for tap in index_product(*(range(k) for k in self.kernel)):
            axes = zip(tap, self.dilation, self.stride, self.output_spatial)
            slices = (slice(m * d, m * d + s * (n - 1) + 1, s) for m, d, s, n in axes)
            windows.append(TapWindow((Ellipsis, *tap), (Ellipsis, *slices)))
        return windows


def reference(problem: ConvolutionProblem, first: Tensor, second: Tensor) -> Tensor:
    """The equation above, tap by tap, solved for the problem's slot."""
    p, groups = problem, problem.groups
    channels = (p.in_channels // groups, p.out_channels // groups)

    def grouped(tensor: Tensor, per_group: int) -> Tensor:
        return tensor.reshape(tensor.shape[0], groups, per_group, *tensor.shape[2:])

    def weight_at(weight: Tensor, tap: Any) -> Tensor:
        return weight[tap].reshape(groups, channels[1], channels[0])

    x = torch.zeros(p.batch, groups, channels[0], *p.padded_spatial, dtype=first.dtype)
    y = torch.zeros(p.batch, groups, channels[1], *p.output_spatial, dtype=first.dtype)
    w = torch.zeros(p.weight_shape, dtype=first.dtype)
    if p.slot is not Slot.INPUT:
        x = grouped(p.pad(first), channels[0])
    for window in p.tap_windows():
        tap, at = window.tap, window.at
        if p.slot is Slot.OUTPUT:
            y += torch.einsum("bgi...,goi->bgo...", x[at], weight_at(second, tap))
        elif p.slot is Slot.INPUT:
            x[at] += torch.einsum("bgo...,goi->bgi...", grouped(first, channels[1]), weight_at(second, tap))
        else:
            share = torch.einsum("bgi...,bgo...->goi", x[at], grouped(second, channels[1]))
            w[tap] = share.reshape(p.out_channels, channels[0])
    solved = {Slot.OUTPUT: y, Slot.INPUT: p.crop(x), Slot.KERNEL: w}[p.slot]
    return solved.reshape(p.result_shape)
