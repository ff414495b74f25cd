"""Work of transforms over several axes, for operators to add up."""

from circulant.core.cost import ZERO_COST, Cost
from circulant.core.sizes import Shape, product
from circulant.engine.costs import transform_cost
from circulant.problems.transform import TransformKind


def rfftn_cost(rows: int, sizes: Shape) -> Cost:
    """One `rfftn` over axes of those sizes for each row; its inverse takes the same arithmetic."""
    *lead, last = sizes
    bins = (*lead, last // 2 + 1)
    total = transform_cost(TransformKind.RFFT, rows * product(lead), last)
    return total + _others(rows, bins, len(lead))


def irfftn_cost(rows: int, sizes: Shape) -> Cost:
    *lead, last = sizes
    bins = (*lead, last // 2 + 1)
    total = transform_cost(TransformKind.RFFT_ADJOINT, rows * product(lead), last)
    return total + _others(rows, bins, len(lead))


def _others(rows: int, bins: Shape, axes: int) -> Cost:
    """Complex transforms along the first axes of a half spectrum."""
    points = rows * product(bins)
    total = ZERO_COST
    for n in bins[:axes]:
        total = total + transform_cost(TransformKind.FFT, points // n, n)
    return total
