r"""The frame that neural collapse ends in when classes have unequal counts: orthogonal, of known lengths.

Features h of N examples, n_k of class k, and M linear layers without bias are free and together minimise

    1/(2N) |W_M ... W_1 H - Y|^2 + lw/2 sum_j |W_j|^2 + lh/2 |H|^2,    Y one-hot.

With b = M N (N lw^M lh)^(1/M), and x_k the largest root of M x^(M-1) / (x^M + 1)^2 = b / n_k, row k of the
product W_M ... W_1 has length w_k = sqrt(N lh x_k^M), the features of class k are all one point of length w_k
/ (w_k^2 + N lh), and rows and points of different classes are orthogonal.

What surprises: a class with too few examples, b / n_k > (M-1)^((M-1)/M) / M, is given up: its point is 0. Of
the others, rarer ones have shorter rows and, as long as their x_k is above 1, longer features.

Dang, Tran, Osher, Tran-The, Ho and Nguyen, 2023, Neural Collapse in Deep Linear Networks: From Balanced to
Imbalanced Data, https://arxiv.org/abs/2301.00437.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from circulant.core.errors import ArgumentError
from circulant.data.installed import require


@final
@dataclass(frozen=True, slots=True)
class OrthogonalFrame:
    """Lengths by class, in its order; 0 of classes that are given up."""

    rows: tuple[float, ...]  # of the product of all weights
    means: tuple[float, ...]  # of the class means of the free features


def generalized_orthogonal_frame(
    counts: Sequence[int], depth: int, weight_decay: float, feature_decay: float
) -> OrthogonalFrame:
    """What `DeepLinearCollapse` of the same arguments has at its global minimum. Needs scipy."""
    require_problem(counts, depth, weight_decay, feature_decay)
    total = sum(counts)
    load = depth * total * (total * weight_decay**depth * feature_decay) ** (1 / depth)
    scale = total * feature_decay
    rows = [(scale * _root(load / count, depth) ** depth) ** 0.5 for count in counts]
    return OrthogonalFrame(tuple(rows), tuple(row / (row**2 + scale) for row in rows))


def largest_load(depth: int) -> float:
    """The largest b / n_k at which class k is kept: 1, 0.5, 0.529 of one, two, three layers."""
    return float((depth - 1) ** ((depth - 1) / depth)) / depth


def require_problem(counts: Sequence[int], depth: int, weight_decay: float, feature_decay: float) -> None:
    """An error unless these are counts of classes, a number of layers and two positive decays."""
    if len(counts) < 2 or min(counts) < 1 or depth < 1:
        raise ArgumentError(
            f"expected two or more classes of 1 or more examples and depth 1 or more, got {counts}, {depth}"
        )
    if not (weight_decay > 0 and feature_decay > 0):
        raise ArgumentError(
            f"expected weight_decay and feature_decay above 0, got {weight_decay} and {feature_decay}; "
            "without decay there is no single minimum"
        )


def _root(load: float, depth: int) -> float:
    """Largest x with depth x^(depth-1) / (x^depth + 1)^2 = load; 0 where giving up costs less."""
    if load > largest_load(depth):
        return 0.0
    require("scipy", "compare")
    from scipy.optimize import brentq

    # the left side falls from here on, and is below depth / x^(depth+1)
    lowest, highest = (depth - 1) ** (1 / depth), (depth / load) ** (1 / (depth + 1))
    root: float = brentq(
        lambda x: depth * x ** (depth - 1) / (x**depth + 1) ** 2 - load, lowest, highest, xtol=1e-14
    )
    return root
