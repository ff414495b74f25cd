"""im2win by strided views and matrix products, over one or two axes."""

from torch import Tensor

from circulant.algorithms.im2win_layout import im2win_filters, im2win_transform
from circulant.algorithms.sliding_window import plane_axes
from circulant.problems.convolution import ConvolutionProblem


def im2win(problem: ConvolutionProblem, x: Tensor, weight: Tensor) -> Tensor:
    """y (B, O, *output_spatial)."""
    p = plane_axes(problem)
    laid_out = im2win_transform(p, x.reshape(p.input_shape))
    filters = im2win_filters(p, weight)
    rows, columns = p.output_spatial
    taps, inner = p.kernel[0], filters.shape[-1]
    per_group = p.in_channels // p.groups
    y = x.new_zeros(p.batch, p.groups, p.out_channels // p.groups, rows * columns)
    for image, image_windows in enumerate(laid_out):
        channel, row, number = image_windows.stride()
        for v in range(p.kernel[1]):
            runs = image_windows.as_strided(
                (p.groups, per_group, taps, rows, columns),
                (per_group * channel, channel, number, row, p.stride[1] * taps * number),
                image_windows.storage_offset() + v * p.dilation[1] * taps * number,
            )
            y[image] += filters[v] @ runs.reshape(p.groups, inner, rows * columns)
    return y.reshape(problem.output_shape)
