"""Sliding windows: outputs stay in registers while the windows move over the input; none is copied out.

The paper keeps the input in registers too and shifts it by permutes of two of them; here every tap
reads its vector from the cache, unaligned, which today's cores do as fast. Strides and dilations
above 1 are an extension: the columns of a copied strip are sorted by their index modulo the stride.
"""

from dataclasses import dataclass
from typing import final

import torch

from circulant.algorithms.algorithm import Algorithm, AlgorithmName, Rejected, Work
from circulant.algorithms.direct import direct_work
from circulant.core.sizes import product
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.trilinear import Slot

STRIP_BYTE = 1 << 18  # a strip and the outputs made from it share a 1 MiB level-2 cache
WIDEST_VECTOR = 16  # numbers in the widest vector of any instruction set
CHANNELS_IN_PLACE = 8  # with more, channels a power of two apart would fight for the same cache lines
COLUMNS = 64  # outputs in a row of the widest register tile
BESIDES = 2e4  # FLOP in whose time the windows of a group are set up
PIECES = 8  # of a problem at least, where it is large enough, so that threads can share it


@final
@dataclass(frozen=True, slots=True)
class Tile:
    """Outputs computed from one strip of the input."""

    rows: int
    columns: int


@final
@dataclass(frozen=True, slots=True)
class Strip:
    """What a tile reads: for each input channel of a group, so many rows of so many numbers."""

    rows: int
    row_scalars: int


def plane_axes(problem: ConvolutionProblem) -> ConvolutionProblem:
    """The same convolution over two axes: a series is a picture of one row."""
    if problem.ndim == 2:
        return problem
    return ConvolutionProblem(
        problem.dtype, problem.slot, problem.batch, problem.in_channels, problem.out_channels,
        (1, *problem.spatial), (1, *problem.kernel), (1, *problem.stride), ((0, 0), *problem.padding),
        (1, *problem.dilation), problem.groups,
    )  # fmt: skip


@final
class SlidingWindow(Algorithm[ConvolutionProblem]):
    """The forward pass over one or two axes, any groups, stride, dilation and padding."""

    name = AlgorithmName.SLIDING_WINDOW

    def rejects(self, problem: ConvolutionProblem) -> Rejected | None:
        if problem.ndim > 2:
            return Rejected(f"slides over 1 or 2 spatial axes, the problem has {problem.ndim}")
        if problem.slot is not Slot.OUTPUT:
            return Rejected(f"solves for the output, this problem is for the {problem.slot.value}")
        return None

    def work(self, problem: ConvolutionProblem) -> Work:
        """thread_byte: none where the windows slide over the input itself."""
        plain, p = direct_work(problem), plane_axes(problem)
        scalar = compute_itemsize(p)
        strips = self.strip_scalars(p) * scalar
        tile = self.tile(p)
        tiles = product([-(-n // size) for n, size in zip(p.output_spatial, (tile.rows, tile.columns))])
        copied = 2.0 * strips * p.batch * p.groups * tiles
        weight = 0 if scalar == p.dtype.itemsize else product(p.weight_shape) // p.groups * scalar
        thread = float(strips + weight)
        flop = plain.flop + (BESIDES * p.batch * p.groups if plain.flop else 0.0)
        return Work(flop, plain.byte + copied, 0.0, plain.error_growth, thread)

    def tile(self, problem: ConvolutionProblem) -> Tile:
        """Whole rows where a strip of them fits; pieces of equal width where it does not."""
        p = plane_axes(problem)
        columns = p.output_spatial[1]
        column_scalars = max(p.in_channels // p.groups, 1) * p.stride[1]
        limit = STRIP_BYTE // compute_itemsize(p)
        widest = max(limit // (column_scalars * p.effective_kernel[0]) - p.effective_kernel[1], COLUMNS)
        width = -(-columns // -(-columns // widest))
        row_scalars = column_scalars * (width + p.effective_kernel[1]) * p.stride[0]
        return Tile(min(max(limit // row_scalars, 1), shared_rows(p, width)), width)

    def strip_scalars(self, problem: ConvolutionProblem) -> int:
        """Numbers that are copied for each tile."""
        p = plane_axes(problem)
        if not self.copies(p):
            return 0
        strip = self.strip(p)
        return p.in_channels // p.groups * strip.rows * strip.row_scalars

    def strip(self, problem: ConvolutionProblem) -> Strip:
        p = plane_axes(problem)
        tile = self.tile(p)
        rows = (tile.rows - 1) * p.stride[0] + p.effective_kernel[0]
        phase = max(tile.columns, WIDEST_VECTOR) + (p.effective_kernel[1] - 1) // p.stride[1]
        return Strip(rows, p.stride[1] * phase)

    def copies(self, problem: ConvolutionProblem) -> bool:
        """Whether a tile reads a strip that is padded, sorted or widened, rather than the input itself."""
        p, tile = plane_axes(problem), self.tile(problem)
        narrowest = min(tile.columns, (p.output_spatial[1] - 1) % tile.columns + 1)
        padded = any(
            before > 0 or (n - 1) * s + k > size
            for n, s, k, size, (before, _) in zip(
                p.output_spatial, p.stride, p.effective_kernel, p.spatial, p.padding
            )
        )
        few = p.in_channels // p.groups <= CHANNELS_IN_PLACE
        in_place = not padded and few and p.stride[1] == 1 and narrowest >= WIDEST_VECTOR
        return not in_place or compute_itemsize(p) != p.dtype.itemsize


def shared_rows(problem: ConvolutionProblem, width: int) -> int:
    """Rows of tiles of that width with which there are PIECES of them, where there are rows enough."""
    rows, columns = problem.output_spatial
    others = max(problem.batch * problem.groups, 1) * -(-columns // width)
    return -(-rows // -(-PIECES // others))


def compute_itemsize(problem: ConvolutionProblem) -> int:
    """Half precision is computed in float32."""
    return 8 if problem.dtype is torch.float64 else 4
