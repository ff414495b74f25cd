"""Pooling by doubling: what two neighbouring windows of width w give is that of width 2 w."""

from typing import final

import torch

from circulant.algorithms.algorithm import Algorithm, AlgorithmName, Rejected, Work
from circulant.algorithms.sliding_window import Tile
from circulant.core.sizes import Shape, product
from circulant.problems.pooling import PoolingProblem, PoolMode

STRIP_BYTE = 1 << 16  # a strip is passed over once for each doubling: it should stay in the cache
COLUMNS = 256  # outputs in a row of a tile at least, where the row is longer


@final
class SlidingPool(Algorithm[PoolingProblem]):
    """Separably along one or two axes, in logarithmically many steps for each."""

    name = AlgorithmName.SLIDING_WINDOW

    def rejects(self, problem: PoolingProblem) -> Rejected | None:
        if problem.ndim > 2:
            return Rejected(f"slides over 1 or 2 spatial axes, the problem has {problem.ndim}")
        return None

    def work(self, problem: PoolingProblem) -> Work:
        p, scalars = problem, self.strip_scalars(problem)
        tile = self.tile(p)
        sizes = zip(plane(p.output_spatial, 1), (tile.rows, tile.columns))
        tiles = product([-(-outputs // size) for outputs, size in sizes])
        passed = float(scalars * p.batch * p.channels * tiles)
        steps = sum(joins(k, p.mode) for k in p.kernel)
        itemsize = 8 if p.dtype is torch.float64 else 4
        copies = 1 if p.mode is PoolMode.MAX else 2
        thread = float(copies * scalars * itemsize)
        return Work(passed * steps, p.io_byte, 0.0, 1.0 + steps / 4, thread)

    def tile(self, problem: PoolingProblem) -> Tile:
        """Whole rows where a strip of them fits; pieces of equal width where it does not."""
        (rows, columns), (height, width) = plane(problem.output_spatial, 1), plane(problem.kernel, 1)
        (down, right), limit = plane(problem.stride, 1), STRIP_BYTE // 4
        widest = max((limit // height - width) // right, COLUMNS)
        tile_columns = -(-columns // -(-columns // widest))
        row_scalars = (tile_columns - 1) * right + width
        # At least as many rows as each tile must read again, else most of the work would be done twice.
        tile_rows = max((limit // row_scalars - height) // down, -(-height // down))
        return Tile(min(tile_rows, rows), tile_columns)

    def strip_scalars(self, problem: PoolingProblem) -> int:
        """Numbers of the input, and around it, that a tile reads."""
        tile = self.tile(problem)
        sizes = zip((tile.rows, tile.columns), plane(problem.stride, 1), plane(problem.kernel, 1))
        return product([(n - 1) * s + k for n, s, k in sizes])


def plane(sizes: Shape, first: int) -> Shape:
    """Two sizes: a series is a picture of one row."""
    return sizes if len(sizes) == 2 else (first, *sizes)


def joins(taps: int, mode: PoolMode) -> int:
    """Passes over a strip for windows of so many taps; the largest value may count one twice."""
    doublings = taps.bit_length() - 1
    if mode is PoolMode.MAX:
        return doublings + (taps != 1 << doublings)
    return doublings + taps.bit_count()
