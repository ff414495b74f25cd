"""im2win: the rows that the windows of an output row meet, interleaved, so that a window is one run.

    I[n, c, m, w kh + r] = x[n, c, m s + r d, w]

With the filters laid out alike, output (m, q) is a dot product over the kh kw numbers from q s kh on.
Neighbouring windows share their numbers, so that I is about 1 / kw as large as im2col's matrix. A
dilation d of the rows changes nothing; that of the columns leaves kw runs of kh numbers.
"""

from typing import final

from circulant.algorithms.algorithm import Algorithm, AlgorithmName, Rejected, Work
from circulant.algorithms.direct import direct_work
from circulant.algorithms.sliding_window import (
    COLUMNS,
    WIDEST_VECTOR,
    Tile,
    compute_itemsize,
    plane_axes,
    shared_rows,
)
from circulant.core.sizes import product
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.trilinear import Slot

WINDOWS_BYTE = 3 << 17  # windows and the filters that meet them share a 1 MiB level-2 cache


def im2win_byte(problem: ConvolutionProblem) -> float:
    """N C Ho kh W numbers, W being the padded width: all windows of all images at once."""
    p = plane_axes(problem)
    columns = p.padded_spatial[1]
    windows = p.batch * p.in_channels * p.output_spatial[0] * p.kernel[0] * columns
    return float(p.dtype.itemsize * windows)


def refusal(problem: ConvolutionProblem) -> Rejected | None:
    if problem.ndim > 2:
        return Rejected(f"lays out 1 or 2 spatial axes, the problem has {problem.ndim}")
    if problem.slot is not Slot.OUTPUT:
        return Rejected(f"solves for the output, this problem is for the {problem.slot.value}")
    return None


@final
class Im2win(Algorithm[ConvolutionProblem]):
    """All windows laid out, then one matrix product for each image and column of taps."""

    name = AlgorithmName.IM2WIN

    def rejects(self, problem: ConvolutionProblem) -> Rejected | None:
        return refusal(problem)

    def work(self, problem: ConvolutionProblem) -> Work:
        """workspace_byte: the windows, and x padded before, or what one product reads of them after."""
        p, plain, windows = plane_axes(problem), direct_work(problem), im2win_byte(problem)
        piece = p.dtype.itemsize * p.in_channels * p.kernel[0] * product(p.output_spatial)
        moved = plain.byte + 2 * windows + 2.0 * piece * p.batch * p.kernel[1]
        padded = p.batch * p.in_channels * product(p.padded_spatial)
        before = float(p.dtype.itemsize * (padded - product(p.output_shape)))
        return Work(plain.flop, moved, windows + max(piece, before), plain.error_growth)


@final
class TiledIm2win(Algorithm[ConvolutionProblem]):
    """The windows of some output rows at a time, kept in the cache."""

    name = AlgorithmName.IM2WIN

    def rejects(self, problem: ConvolutionProblem) -> Rejected | None:
        return refusal(problem)

    def work(self, problem: ConvolutionProblem) -> Work:
        """workspace_byte: the filters laid out; thread_byte: the windows of a tile and its outputs."""
        p, plain, tile = plane_axes(problem), direct_work(problem), self.tile(problem)
        sizes = zip(p.output_spatial, (tile.rows, tile.columns))
        tiles = p.batch * p.groups * product([-(-outputs // size) for outputs, size in sizes])
        windows, itemsize = self.windows(p, tile), compute_itemsize(p)
        stage = -(-tile.columns // WIDEST_VECTOR) * WIDEST_VECTOR * COLUMNS
        filters = self.filter_scalars(p) * itemsize
        moved = plain.byte + 2.0 * windows * itemsize * tiles + filters
        thread = float(itemsize * (windows + stage))
        return Work(plain.flop, moved, float(filters), plain.error_growth, thread)

    def tile(self, problem: ConvolutionProblem) -> Tile:
        """Whole rows where their windows fit; pieces of equal width where they do not."""
        p = plane_axes(problem)
        columns = p.output_spatial[1]
        per_column = max(p.in_channels // p.groups, 1) * p.kernel[0]
        limit = WINDOWS_BYTE // compute_itemsize(p)
        widest = max((limit // per_column - p.effective_kernel[1]) // p.stride[1], COLUMNS)
        width = -(-columns // -(-columns // widest))
        row_scalars = per_column * ((width - 1) * p.stride[1] + p.effective_kernel[1])
        return Tile(min(max(limit // row_scalars, 1), shared_rows(p, width)), width)

    def windows(self, problem: ConvolutionProblem, tile: Tile) -> int:
        """Numbers laid out for a tile."""
        p = plane_axes(problem)
        width = (tile.columns - 1) * p.stride[1] + p.effective_kernel[1]
        return p.in_channels // p.groups * tile.rows * width * p.kernel[0]

    def filter_scalars(self, problem: ConvolutionProblem) -> int:
        p = plane_axes(problem)
        channels = -(-p.out_channels // p.groups // WIDEST_VECTOR) * WIDEST_VECTOR
        return p.in_channels * product(p.kernel) * channels
