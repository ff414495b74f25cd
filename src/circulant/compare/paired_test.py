"""Wilcoxon's signed-rank test for paired scores, and Holm's correction for many tests at once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

EXACT_UP_TO = 50  # differing pairs; below, the normal approximation is too ready to see a difference


def wilcoxon_p(differences: NDArray[np.float64]) -> float:
    """Two-sided p-value that differences are symmetric around zero; zeros are left out (Wilcoxon, 1945,
    Individual Comparisons by Ranking Methods, https://doi.org/10.2307/3001968). 1 where all are zero."""
    from scipy.stats import rankdata, wilcoxon

    differing = differences[differences != 0]
    if differing.size == 0:
        return 1.0
    if differing.size > EXACT_UP_TO:
        return float(wilcoxon(differing, method="asymptotic").pvalue)
    ranks = rankdata(np.abs(differing))
    return _exact_p(np.rint(2 * ranks).astype(int), float(ranks[differing > 0].sum()))


def _exact_p(doubled_ranks: NDArray[np.int_], positive: float) -> float:
    """Share of all sign patterns whose positive rank sum is at least as far from the middle; ties allowed."""
    ways = np.zeros(int(doubled_ranks.sum()) + 1)
    ways[0] = 1.0
    for rank in doubled_ranks:
        moved = np.zeros_like(ways)
        moved[rank:] = ways[: ways.size - rank]
        ways = (ways + moved) / 2
    middle = (ways.size - 1) / 2
    distance = np.abs(np.arange(ways.size) - middle)
    return float(min(1.0, ways[distance >= abs(2 * positive - middle) - 0.25].sum()))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p-values in the given order (Holm, 1979, A Simple Sequentially Rejective Multiple Test
    Procedure, https://www.jstor.org/stable/4615733)."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for step, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - step) * p_values[index]))
        adjusted[index] = largest
    return tuple(adjusted)
