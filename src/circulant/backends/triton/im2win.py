"""im2win: windows laid out by torch, and their products with the filters in one kernel."""

import torch
from torch import Tensor

from circulant.algorithms.im2win_layout import im2win_filters, im2win_transform
from circulant.algorithms.sliding_window import plane_axes
from circulant.backends.triton.launch import Operand, accumulator, contiguous, launch
from circulant.backends.triton.tile import power_above
from circulant.problems.convolution import ConvolutionProblem

NARROWEST, WIDEST = 16, 64  # blocks of a product: what matrix units need, and what registers hold
INNER = 32


def solve(problem: ConvolutionProblem, x: Tensor, weight: Tensor) -> Tensor:
    """y (B, O, *output_spatial)."""
    from circulant.backends.triton.kernels import im2win

    x, weight = contiguous(
        problem.dtype, Operand("x", x, problem.input_shape), Operand("weight", weight, problem.weight_shape)
    )
    p = plane_axes(problem)
    laid_out, filters = im2win_transform(p, x).contiguous(), im2win_filters(p, weight).contiguous()
    y = torch.empty(problem.output_shape, dtype=p.dtype, device=x.device)
    rows, columns = p.output_spatial
    channels, out_channels = p.in_channels // p.groups, p.out_channels // p.groups
    out, places = (min(max(power_above(n), NARROWEST), WIDEST) for n in (out_channels, rows * columns))
    grid = (-(-rows * columns // places), p.groups, p.batch * -(-out_channels // out))
    launch(
        im2win.products, grid, x, laid_out, filters, y, channels, out_channels, rows, columns,
        laid_out.shape[-1], p.kernel[0], p.kernel[1], p.stride[1], p.dilation[1],
        OUT=out, INNER=INNER, PLACES=places, ADD=accumulator(p.dtype),
    )  # fmt: skip
    return y
