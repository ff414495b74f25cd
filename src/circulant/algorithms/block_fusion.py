"""Block fusion: all layers of a residual block on one tile before the next, with nothing written between."""

from math import sqrt
from typing import final

import torch

from circulant.algorithms.algorithm import Algorithm, AlgorithmName, Rejected, Work
from circulant.algorithms.sliding_window import COLUMNS, STRIP_BYTE, WIDEST_VECTOR, Tile
from circulant.core.sizes import product
from circulant.problems.conv_first_block import ConvFirstBlockProblem

PIECES = 8  # of an image at least, where it is large enough, so that threads can share it


@final
class LayerByLayer(Algorithm[ConvFirstBlockProblem]):
    """Each layer on the whole tensor before the next."""

    name = AlgorithmName.DIRECT

    def rejects(self, problem: ConvFirstBlockProblem) -> Rejected | None:
        return None

    def work(self, problem: ConvFirstBlockProblem) -> Work:
        return Work(problem.flop, layered_byte(problem), between_byte(problem), growth(problem))


@final
class BlockFusion(Algorithm[ConvFirstBlockProblem]):
    name = AlgorithmName.BLOCK_FUSION

    def rejects(self, problem: ConvFirstBlockProblem) -> Rejected | None:
        return None

    def work(self, problem: ConvFirstBlockProblem) -> Work:
        """workspace_byte: the weights where they are widened; thread_byte: what a tile takes."""
        p, tile = problem, self.tile(problem)
        itemsize = compute_itemsize(p)
        strip = (tile.rows + p.kernel - 1) * row_scalars(p, tile)
        positions = tile.rows * tile.columns + WIDEST_VECTOR
        widened = 0 if itemsize == p.dtype.itemsize else sum(map(product, p.weight_shapes))
        thread = itemsize * (p.channels * (strip + positions) + p.expanded * COLUMNS)
        return Work(p.flop, fused_byte(p, tile), float(itemsize * widened), growth(p), float(thread))

    def tile(self, problem: ConvFirstBlockProblem) -> Tile:
        """Whole rows where a strip of them fits; pieces of equal width where it does not."""
        p, (height, width) = problem, problem.spatial
        limit = STRIP_BYTE // compute_itemsize(p) // p.channels
        widest = max(limit // p.kernel - p.kernel, WIDEST_VECTOR)
        columns = -(-width // -(-width // widest))
        fitting = limit // row_scalars(p, Tile(1, columns)) - p.kernel + 1
        wanted = -(-PIECES // (max(p.batch, 1) * -(-width // columns)))
        # A tile of fewer rows than the kernel would read most of its strip only for its borders.
        return Tile(min(max(min(fitting, -(-height // wanted)), p.kernel), height), columns)


def row_scalars(problem: ConvFirstBlockProblem, tile: Tile) -> int:
    """Numbers in a row of the strip that a tile reads."""
    return -(-tile.columns // WIDEST_VECTOR) * WIDEST_VECTOR + problem.kernel - 1


def fused_byte(problem: ConvFirstBlockProblem, tile: Tile) -> float:
    """Main memory that is moved: output and weights once, the input once and the borders of tiles again."""
    p, side = problem, problem.kernel // 2
    read = [covered(size, step, side) for size, step in zip(p.spatial, (tile.rows, tile.columns))]
    weights = sum(map(product, p.weight_shapes))
    return float(
        p.dtype.itemsize * (p.batch * p.channels * product(read) + product(p.result_shape) + weights)
    )


def covered(size: int, step: int, side: int) -> int:
    """Samples along an axis that its tiles read, those at borders once for each tile."""
    starts = range(0, size, step)
    return sum(min(start + step + side, size) - max(start - side, 0) for start in starts)


def between_byte(problem: ConvFirstBlockProblem) -> float:
    """What lies between the layers: h, and the expanded values before and after their activation."""
    p = problem
    return float(p.dtype.itemsize * p.batch * product(p.spatial) * (p.channels + 2 * p.expanded))


def layered_byte(problem: ConvFirstBlockProblem) -> float:
    """Everything between the layers is written and read once, and the input read again at the end."""
    return problem.io_byte + 2 * between_byte(problem) + problem.dtype.itemsize * product(problem.input_shape)


def growth(problem: ConvFirstBlockProblem) -> float:
    taps = problem.kernel**2 * problem.channels // problem.groups
    return sum(sqrt(terms) for terms in (taps, problem.channels, problem.expanded))


def compute_itemsize(problem: ConvFirstBlockProblem) -> int:
    """Half precision is computed in float32."""
    return 8 if problem.dtype is torch.float64 else 4
