"""Pooling by sliding windows over one or two axes; batches, channels and outputs must not be empty."""

from typing import Any

from torch import Tensor

from circulant.algorithms.sliding_pool import SlidingPool, plane
from circulant.backends.native import core
from circulant.backends.native.call import Operand, call
from circulant.problems.pooling import PoolingProblem


def solve(problem: PoolingProblem, x: Tensor) -> Tensor:
    """The largest value, or the average, of every window."""
    operand = Operand("x", x, problem.input_shape)
    return call("sliding_pool", sizes(problem), (operand,), problem.result_shape, problem.dtype)


def sizes(problem: PoolingProblem) -> Any:
    """As the core takes them, with the blocks that the algorithm chooses."""
    p, module = problem, core.load()
    tile = SlidingPool().tile(p)
    axes = zip(
        plane(p.spatial, 1), plane(p.output_spatial, 1), plane(p.kernel, 1), plane(p.stride, 1), (1, 1),
        plane(p.padding, 0),
    )  # fmt: skip
    rows, columns = (module.WindowAxis(*axis) for axis in axes)
    return module.SlidingPoolSizes(
        planes=p.batch * p.channels,
        rows=rows,
        columns=columns,
        mode=module.PoolMode[p.mode.name],
        tile_rows=tile.rows,
        tile_columns=tile.columns,
    )
