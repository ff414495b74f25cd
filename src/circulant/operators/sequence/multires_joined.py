r"""The tree of a multiresolution convolution, several levels at a time.

Where each level has one coefficient and nothing is to be remembered, three levels together are two filters of
7 (K - 1) + 1 taps: one to the next coarse signal, one to y.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.core.cost import Cost, matmul_cost
from circulant.core.sizes import Shape
from circulant.engine.convolution import conv_transpose
from circulant.engine.costs import convolution_problem, problem_cost
from circulant.operators.sequence.dilated_causal_conv import dilated_causal_cost, dilated_filter

JOINED = 3  # levels; with 2 small inputs spend their time between the filters, with 4 large ones in the taps


def joined_tree(x: Tensor, low: Tensor, high: Tensor, weight: Tensor) -> Tensor:
    """`multires_tree` with one coefficient for each level, after zeros."""
    to_coarse, to_y = _joined_filters(low, high, weight)

    def causal(values: Tensor, kernel: Tensor, place: int) -> Tensor:
        return dilated_filter(values, kernel.flip(-1), 2 ** (JOINED * place))

    y = causal(x, to_y[0], 0)
    for place, kernel in enumerate(to_y[1:]):
        x = causal(x, to_coarse, place)
        y = y + causal(x, kernel, place + 1)
    return y


def _joined_filters(low: Tensor, high: Tensor, weight: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Of JOINED levels: the filter to the coarse signal after them, and one to y for each group of levels."""
    levels, K = weight.shape[-1] - 2, low.shape[-1]
    groups, taps = joined_groups(levels), joined_taps(K)
    coarse, details = [low], [high]
    for _ in range(1, JOINED):
        after, detail = _before(torch.stack([coarse[-1], details[-1]]), low)
        coarse, details = [*coarse, after], [*details, detail]
    basis = torch.stack([F.pad(taps_of, (0, taps - taps_of.shape[-1])) for taps_of in details], 1)
    shares = F.pad(weight[:, 1:-1].flip(-1), (0, groups * JOINED - levels))
    first, *rest = (shares.unflatten(-1, (groups, JOINED)) @ basis).unbind(1)
    first = first + F.pad(weight[:, -1:], (0, taps - 1))
    to_y = [first, *rest]
    last = coarse[(levels - 1) % JOINED]
    to_y[-1] = to_y[-1] + F.pad(weight[:, :1] * last, (0, taps - last.shape[-1]))
    return coarse[-1], tuple(to_y)


def _before(taps: Tensor, low: Tensor) -> Tensor:
    """Filters (2, C, n) of one level, seen through the low-pass filter before it."""
    return conv_transpose(
        taps, low[:, None], stride=(2,), padding=(0,), output_padding=(0,), groups=len(low), dilation=(1,),
        output_spatial=(2 * (taps.shape[-1] - 1) + low.shape[-1],),
    )  # fmt: skip


def joined_groups(levels: int) -> int:
    return (levels + JOINED - 1) // JOINED


def joined_taps(taps: int) -> int:
    """Of the filters of JOINED levels."""
    return (taps - 1) * (2**JOINED - 1) + 1


def joined_cost(shape: Shape, taps: int, levels: int) -> Cost:
    """The filters, and what they are made with."""
    C, groups, longest = shape[1], joined_groups(levels), joined_taps(taps)
    total = matmul_cost(groups, JOINED, longest) * C
    for place in range(groups):
        filters = 1 if place + 1 == groups else 2
        total += dilated_causal_cost(shape, 1, longest, 2 ** (JOINED * place)) * filters
    for level in range(1, JOINED):
        n = (taps - 1) * (2**level - 1) + 1
        made = convolution_problem((2, C, 2 * (n - 1) + taps), (C, 1, taps), stride=(2,), groups=C)
        total += problem_cost(made)
    return total
