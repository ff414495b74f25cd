"""Monarch transforms of tiles that stay in the registers and the on-chip memory of one program of a GPU.

A row that fits one tile is read once and written once. A longer one is cut into as many tiles as it needs:
an outer transform over the samples that lie a tile apart, the tiles by themselves, the outer transform
back, with the tiles in memory in between.
"""

from math import ceil
from typing import final

import torch

from circulant.algorithms.algorithm import Algorithm, AlgorithmName, Rejected, Work
from circulant.algorithms.fft import compute_itemsize
from circulant.algorithms.monarch import linear_length
from circulant.core.sizes import Shape
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.trilinear import Slot

SMALLEST = 256  # points: matrix units take no smaller factors than 16 x 16
LARGEST = {torch.float64: 512, torch.float32: 1024, torch.float16: 4096, torch.bfloat16: 4096}
"""Points of the largest tile. Registers bind first: a matrix product holds its operands there, float32
ones split in two for three products, float64 ones twice as wide. On-chip memory then takes at most
99 KiB, which is what a program may have on the smallest cards."""
MOST_TILES = 1 << 14  # the powers of roots in an outer pass, 4 N0^2, must fit 32 bits
WORKSPACE = 256 << 20  # bytes of tiles in memory, unless a single channel takes more


def points_of(problem: LongConvProblem) -> int:
    """Least number of complex points whose wrap-around stays outside the samples that are kept."""
    return ceil(linear_length(problem) / 2)


def tile_points(problem: LongConvProblem) -> int:
    """A power of two: one tile where it holds a row, else the largest."""
    return min(max(1 << (points_of(problem) - 1).bit_length(), SMALLEST), LARGEST[problem.dtype])


def tiles_of(problem: LongConvProblem) -> int:
    return -(-points_of(problem) // tile_points(problem))


def tile_factors(points: int) -> Shape:
    """Rows and columns of a tile, as square as it can be."""
    bits = points.bit_length() - 1
    return 1 << bits // 2, 1 << bits - bits // 2


@final
class TiledMonarchLongConv(Algorithm[LongConvProblem]):
    """Order 2 in a tile; an order more, of any factor, over several tiles."""

    name = AlgorithmName.MONARCH

    def rejects(self, problem: LongConvProblem) -> Rejected | None:
        if tiles_of(problem) > MOST_TILES:
            room = 2 * MOST_TILES * LARGEST[problem.dtype]
            return Rejected(f"transforms up to {room} samples, the problem takes {2 * points_of(problem)}")
        return None

    def work(self, problem: LongConvProblem) -> Work:
        p, tile, tiles = problem, tile_points(problem), tiles_of(problem)
        rows, points = p.batch * p.channels, tile * tiles
        outer = tiles if tiles > 1 else 0
        factors = sum(tile_factors(tile)) + outer
        flop = 8.0 * points * factors * (2 * rows + p.channels) + 6.0 * points * rows
        pair = 2.0 * compute_itemsize(p.dtype.itemsize) * points  # one row as tiles in memory
        if tiles == 1:
            return Work(flop, p.io_byte + 2 * pair * p.channels, pair * p.channels, error_growth=5.0)
        held = pair * ((2 if p.slot is Slot.KERNEL else 1) * p.batch + 1)
        byte = p.io_byte + 4 * pair * (rows + p.channels)
        return Work(flop, byte, min(held * p.channels, max(WORKSPACE, held)), error_growth=6.0)
