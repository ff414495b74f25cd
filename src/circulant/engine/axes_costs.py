"""Work of transforms over several axes, for operators to add up."""

from circulant.core.cost import ZERO_COST, Cost
from circulant.core.sizes import Shape, product
from circulant.engine.costs import transform_cost
from circulant.problems.transform import TransformKind


def rfftn_cost(rows: int, sizes: Shape) -> Cost:
    """One `rfftn`, or one `irfftn`, of rows times `sizes`; its last axis is real on one side."""
    *outer, last = sizes
    bins = last // 2 + 1
    along_last = transform_cost(TransformKind.RFFT, rows * product(tuple(outer)), last)
    return along_last + _complex_cost(rows * bins, tuple(outer))


def fftn_cost(rows: int, sizes: Shape) -> Cost:
    """One `fftn`, or one `ifftn`, of rows times `sizes`."""
    return _complex_cost(rows, sizes)


def _complex_cost(rows: int, sizes: Shape) -> Cost:
    total = ZERO_COST
    for size in sizes:
        total += transform_cost(TransformKind.FFT, rows * product(sizes) // size, size)
    return total
