"""Inputs and filters as im2win lays them out, over one or two axes."""

import torch
from torch import Tensor

from circulant.algorithms.sliding_window import plane_axes
from circulant.problems.convolution import ConvolutionProblem


def im2win_transform(problem: ConvolutionProblem, x: Tensor) -> Tensor:
    """I[n, c, m, w kh + r] = x[n, c, m s + r d, w] of the padded x -> (N, C, Ho, padded W kh)."""
    p = plane_axes(problem)
    padded = p.pad(x.reshape(p.input_shape))
    batch, channel, row, column = padded.stride()
    rows, width = p.output_spatial[0], padded.shape[-1]
    view = padded.as_strided(
        (p.batch, p.in_channels, rows, width, p.kernel[0]),
        (batch, channel, p.stride[0] * row, column, p.dilation[0] * row),
        padded.storage_offset(),
    )
    return view.reshape(p.batch, p.in_channels, rows, width * p.kernel[0])


def im2win_filters(problem: ConvolutionProblem, weight: Tensor) -> Tensor:
    """One matrix for each column of taps and group -> (kw, groups, O / groups, C / groups kh)."""
    p = plane_axes(problem)
    taps = (p.in_channels // p.groups, *p.kernel)
    grouped = weight.reshape(p.groups, p.out_channels // p.groups, *taps)
    return torch.movedim(grouped, -1, 0).flatten(3)
