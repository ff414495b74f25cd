"""im2col by strided views, for any number of axes."""

import torch
from torch import Tensor

from circulant.core.sizes import product
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.trilinear import Slot


def im2col(problem: ConvolutionProblem, first: Tensor, second: Tensor) -> Tensor:
    p = problem
    taps, places = product(p.kernel), product(p.output_spatial)
    per_group = (p.in_channels // p.groups) * taps
    if p.slot is Slot.KERNEL:
        gradient = second.reshape(p.batch, p.groups, -1, places)
        weight = torch.einsum("bgop,bgkp->gok", gradient, _columns(p, first, per_group))
        return weight.reshape(p.weight_shape)
    weight = second.reshape(p.groups, p.out_channels // p.groups, per_group)
    if p.slot is Slot.OUTPUT:
        return (weight @ _columns(p, first, per_group)).reshape(p.output_shape)
    gradient = first.reshape(p.batch, p.groups, -1, places)
    return _fold(p, weight.transpose(1, 2) @ gradient)


def windows(problem: ConvolutionProblem, x: Tensor) -> Tensor:
    """A view of every window: x (B, C, *spatial) -> (B, C, *output_spatial, *kernel)."""
    view = problem.pad(x)
    for axis in range(problem.ndim):
        view = view.unfold(axis + 2, problem.effective_kernel[axis], problem.stride[axis])
    for axis, step in enumerate(problem.dilation, 2 + problem.ndim):
        view = view[(*(slice(None),) * axis, slice(None, None, step))]
    return view


def _columns(problem: ConvolutionProblem, x: Tensor, per_group: int) -> Tensor:
    """(B, groups, C / groups * taps, places)."""
    ndim = problem.ndim
    view = windows(problem, x)
    kernel_first = (0, 1, *range(2 + ndim, 2 + 2 * ndim), *range(2, 2 + ndim))
    return view.permute(kernel_first).reshape(problem.batch, problem.groups, per_group, -1)


def _fold(problem: ConvolutionProblem, columns: Tensor) -> Tensor:
    """The adjoint of `_columns`: every column added back to where it was read."""
    p = problem
    kernel_last = (0, 1, *range(2 + p.ndim, 2 + 2 * p.ndim), *range(2, 2 + p.ndim))
    shares = columns.reshape(p.batch, p.in_channels, *p.kernel, *p.output_spatial).permute(kernel_last)
    padded = columns.new_zeros(p.batch, p.in_channels, *p.padded_spatial)
    for window in p.tap_windows():
        padded[window.at] += shares[window.tap]
    return p.crop(padded).contiguous()
