"""Deformable convolution: every tap reads the input at a place of its own, then all are summed with a weight.

    y[b, o, p] = bias[o] + sum_{i, m} weight[o, i, m] a[b, g, m, p] x[b, i](s p + d m - q + u[b, g, m, p])

s, d and q are stride, dilation and padding, g = i // (I / offset_groups). x between samples is interpolated
linearly along each axis and is zero outside. The taps are sampled apart and multiplied with the weight at
once. In one and two dimensions they are an axis more of the sampled convolution, so that x is laid out for
sampling once; in three, where there is no axis left, a tap at a time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product as index_product
from typing import final

import torch
from torch import Tensor

from circulant.core.cost import Cost
from circulant.core.errors import ShapeError
from circulant.core.operator import AXES
from circulant.core.sizes import Shape, output_length, per_axis, product
from circulant.engine.conv_settings import padding_of
from circulant.engine.costs import convolution_problem, problem_cost
from circulant.engine.doors import autocast_operand
from circulant.engine.sampled_conv import sampled_conv
from circulant.problems.convolution import Padding
from circulant.problems.sampled_conv import SampledConvProblem

MOST_AXES = 3  # of a sampled convolution


@final
@dataclass(frozen=True, slots=True)
class TapGrid:
    """Where the taps lie before they are moved."""

    kernel: Shape
    stride: Shape
    padding: Padding
    dilation: Shape

    @property
    def ndim(self) -> int:
        return len(self.kernel)

    @property
    def taps(self) -> int:
        return product(self.kernel)

    @property
    def is_lifted(self) -> bool:
        """Whether all taps are sampled at once, as an axis more."""
        return self.ndim < MOST_AXES

    @property
    def one_tap(self) -> Padding:
        """Padding with which a kernel of one tap has as many outputs; the end may be cut."""
        axes = zip(self.kernel, self.padding, self.dilation)
        return tuple((0, sum(sides) - d * (k - 1)) for k, sides, d in axes)

    def output_spatial(self, spatial: Shape) -> Shape:
        axes = zip(spatial, self.kernel, self.stride, self.padding, self.dilation)
        return tuple(output_length(*axis) for axis in axes)

    def steps(self, like: Tensor) -> Tensor:
        """Of each tap from the corner of the unpadded input (taps, ndim)."""
        axes = (
            [d * m - before for m in range(k)]
            for k, (before, _), d in zip(self.kernel, self.padding, self.dilation)
        )
        return torch.tensor(list(index_product(*axes)), dtype=like.dtype, device=like.device)


def deformable_conv(
    x: Tensor,
    offset: Tensor,
    mask: Tensor | None,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Iterable[int] = 1,
    padding: int | Iterable[int] | str = 0,
    dilation: int | Iterable[int] = 1,
) -> Tensor:
    """x (B, I, *spatial), offset (B, offset_groups taps ndim, *out), mask (B, offset_groups taps, *out).

    weight (O, I / groups, *kernel) -> (B, O, *out), for one to three axes. Offsets are in samples; their
    channels and the mask's are in torchvision's order: by offset group, by tap row by row, then (y, x).
    """
    ndim = x.ndim - 2
    if ndim not in AXES or weight.ndim != x.ndim:
        raise ShapeError(
            f"expected x (B, I, *spatial) of 1 to 3 axes and a weight of as many, got x {tuple(x.shape)} and "
            f"weight {tuple(weight.shape)}"
        )
    kernel, strides = tuple(weight.shape[2:]), per_axis(stride, ndim, "stride")
    dilations = per_axis(dilation, ndim, "dilation")
    grid = TapGrid(kernel, strides, padding_of(padding, kernel, strides, dilations), dilations)
    _require_operands(x, offset, mask, weight, grid)
    groups = offset.shape[1] // (ndim * grid.taps)
    moves = offset.unflatten(1, (groups, grid.taps, ndim))
    shares = None if mask is None else mask.unflatten(1, (groups, grid.taps))
    return weighted_taps(sampled_taps(x, moves, shares, grid), weight, bias)


def sampled_taps(x: Tensor, offset: Tensor, mask: Tensor | None, grid: TapGrid) -> Tensor:
    """x (B, C, *spatial), offset (B, G, taps, ndim, *out), mask (B, G, taps, *out) -> (B, C, taps, *out)."""
    ndim, out = grid.ndim, offset.shape[4:]
    moves = offset + grid.steps(offset).reshape(grid.taps, ndim, *(1,) * ndim)
    shares = torch.ones_like(moves[:, :, :, 0]) if mask is None else mask
    ones, stride, padding = (1,) * ndim, grid.stride, grid.one_tap
    if grid.is_lifted:
        # tap m is output m along the new axis, where x has one sample only
        own = -torch.arange(grid.taps, dtype=moves.dtype, device=moves.device)
        own = own.reshape(-1, *ones).expand(*moves.shape[:2], grid.taps, *out)
        lifted = torch.cat([own[:, :, None], moves.transpose(2, 3)], 2)[:, :, None]
        return sampled_conv(
            x[:, :, None], lifted, shares[:, :, None], (1, *ones), stride=(1, *stride),
            padding=((0, grid.taps - 1), *padding), dilation=(1, *ones),
        )  # fmt: skip
    samples = [
        sampled_conv(
            x, moves[:, :, m : m + 1], shares[:, :, m : m + 1], ones, stride=stride, padding=padding,
            dilation=ones,
        )
        for m in range(grid.taps)
    ]  # fmt: skip
    return torch.stack(samples, 2)


def weighted_taps(samples: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """samples (B, I, taps, *out), weight (O, I / groups, *kernel), bias (O) -> (B, O, *out)."""
    B, I, taps, *out = samples.shape
    per_group = weight.shape[1]
    groups = I // per_group
    columns = samples.reshape(B, groups, per_group * taps, product(out))
    y = autocast_operand(weight).reshape(groups, -1, per_group * taps) @ columns
    y = y.reshape(B, weight.shape[0], *out)
    return y if bias is None else y + autocast_operand(bias).reshape(-1, *(1,) * len(out))


def _require_operands(x: Tensor, offset: Tensor, mask: Tensor | None, weight: Tensor, grid: TapGrid) -> None:
    (B, I), out = x.shape[:2], grid.output_spatial(tuple(x.shape[2:]))
    if min(out) < 1:
        raise ShapeError(
            f"expected a kernel that fits the padded input, got x {tuple(x.shape)} for {grid}; pad more"
        )
    per_group, rows = weight.shape[1], grid.ndim * grid.taps
    groups = I // per_group if per_group else 0
    if not groups or I % per_group or weight.shape[0] % groups:
        raise ShapeError(
            f"expected weight (O, I / groups, *kernel) with groups that divide I = {I} and O, got "
            f"{tuple(weight.shape)}"
        )
    offset_groups = offset.shape[1] // rows if offset.ndim == x.ndim else 0
    wanted = (B, max(offset_groups, 1) * rows, *out)
    if tuple(offset.shape) != wanted or I % max(offset_groups, 1):
        raise ShapeError(
            f"expected offset (B, offset_groups taps ndim, *out) = {wanted} with offset_groups a divisor of "
            f"I = {I}, got {tuple(offset.shape)}"
        )
    shares = (B, offset_groups * grid.taps, *out)
    if mask is not None and tuple(mask.shape) != shares:
        raise ShapeError(f"expected mask (B, offset_groups taps, *out) = {shares}, got {tuple(mask.shape)}")


def deformable_conv_cost(shape: Shape, weight: Shape, grid: TapGrid, offset_groups: int) -> Cost:
    """For x of that shape and a weight of that shape, without what makes offsets and mask."""
    B, I, *spatial = shape
    size, groups = tuple(spatial), I // weight[1]
    dense = convolution_problem(
        shape, weight, stride=grid.stride, padding=grid.padding, dilation=grid.dilation, groups=groups
    )
    ones, times = (1,) * grid.ndim, grid.taps
    stride, padding = grid.stride, grid.one_tap
    if grid.is_lifted:
        size, ones, stride, times = (1, *size), (1, *ones), (1, *stride), 1
        padding = ((0, grid.taps - 1), *padding)
    window = convolution_problem((B, I, *size), (I, 1, *ones), stride=stride, padding=padding, groups=I)
    sampled = problem_cost(SampledConvProblem(torch.float32, offset_groups, window))
    return problem_cost(dense) + sampled * times
