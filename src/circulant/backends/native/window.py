"""Convolutions that are computed tile by tile, as the core takes them."""

from typing import Any

from circulant.algorithms.sliding_window import Tile, plane_axes
from circulant.backends.native import core
from circulant.problems.convolution import ConvolutionProblem


def window_conv_sizes(problem: ConvolutionProblem, tile: Tile) -> Any:
    """Over two axes; a series is a picture of one row."""
    p, module = plane_axes(problem), core.load()
    axes = zip(
        p.spatial, p.output_spatial, p.kernel, p.stride, p.dilation, (before for before, _ in p.padding)
    )
    rows, columns = (module.WindowAxis(*axis) for axis in axes)
    return module.WindowConvSizes(
        batch=p.batch,
        groups=p.groups,
        in_channels=p.in_channels // p.groups,
        out_channels=p.out_channels // p.groups,
        rows=rows,
        columns=columns,
        tile_rows=tile.rows,
        tile_columns=tile.columns,
    )
