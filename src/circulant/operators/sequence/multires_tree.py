r"""The tree of a multiresolution convolution: which coefficients count, and how they are summed.

a_j[l] = sum_m low[m] a_{j-1}[l - 2^(j-1) m],   b_j likewise with high,   a_0 = x
y = coarsest a_J + skip x + sum_j sum_{n < places_j} weight_j[n] b_j[l - 2^j n]
"""

import torch
from torch import Tensor

from circulant.core.cost import ZERO_COST, Cost
from circulant.core.errors import ArgumentError
from circulant.core.sizes import Shape
from circulant.operators.sequence.dilated_causal_conv import dilated_causal_conv, dilated_causal_cost

Histories = tuple[Tensor, ...]


def places_of(levels: int, taps: int, coefficients: int | None) -> tuple[int, ...]:
    """How many coefficients of each level are weighted, finest level first."""
    if coefficients is None:
        return (1,) * levels
    left, wanted, found = coefficients - 1, 1, []
    for _ in range(levels):
        found.append(min(wanted, left))
        left -= found[-1]
        wanted = 2 * (wanted - 1) + taps
    if left:
        raise ArgumentError(
            f"expected at most the {coefficients - left} coefficients that {levels} levels have, "
            f"got {coefficients}; leave coefficients out for one of each level"
        )
    return tuple(reversed(found))


def multires_tree(
    x: Tensor,
    low: Tensor,
    high: Tensor,
    weight: Tensor,
    places: tuple[int, ...],
    histories: Histories | None = None,
) -> tuple[Tensor, Histories]:
    """x (B, C, L) -> y, and what the next chunk has to remember; without histories x follows zeros."""
    kept: list[Tensor] = []
    old = iter(histories or ())

    def causal(values: Tensor, taps: Tensor, dilation: int) -> Tensor:
        y, history = dilated_causal_conv(values, taps, dilation, None if histories is None else next(old))
        kept.append(history)
        return y

    both = torch.stack([low, high], 1)
    coarsest, *weights, skip = weight.split([1, *reversed(places), 1], -1)
    coarse, y = x, skip * x
    for level, (count, shares) in enumerate(zip(places, reversed(weights))):
        coarse, detail = causal(coarse, both, 2**level).unbind(2)
        if count == 1:
            y = y + shares * detail
        elif count > 1:
            y = y + causal(detail, shares[:, None], 2 ** (level + 1))[:, :, 0]
    return y + coarsest * coarse, tuple(kept)


def histories_of(taps: int, places: tuple[int, ...]) -> list[int]:
    """Samples that each filter remembers, in the order of use."""
    found = []
    for level, count in enumerate(places):
        found.append((taps - 1) * 2**level)
        if count > 1:
            found.append((count - 1) * 2 ** (level + 1))
    return found


def reach(taps: int, places: tuple[int, ...]) -> int:
    """The oldest sample that y depends on, counted from the newest."""
    ends = [(taps - 1) * (2 ** len(places) - 1)]
    for level, count in enumerate(places):
        ends.append((taps - 1) * (2 ** (level + 1) - 1) + max(count - 1, 0) * 2 ** (level + 1))
    return max(ends)


def tree_cost(shape: Shape, taps: int, places: tuple[int, ...]) -> Cost:
    total = ZERO_COST
    for level, count in enumerate(places):
        total = total + dilated_causal_cost(shape, 2, taps, 2**level)
        if count > 1:
            total = total + dilated_causal_cost(shape, 1, count, 2 ** (level + 1))
    return total
