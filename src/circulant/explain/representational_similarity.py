r"""Representational similarity analysis: do two representations find the same examples alike?

Of every pair of examples, 1 - the correlation of their features over channels is how dissimilar they are;
two representations agree as much as their dissimilarities rank alike,

    RSA = Spearman's correlation over all pairs i < j of d_ij and e_ij.

It asks for the order of dissimilarities alone, where `linear_cka` weighs the large ones most. The correlation
takes the mean over channels out of each example: unlike CKA, RSA changes when the features are rotated.

Kriegeskorte, Mur and Bandettini, 2008, Representational similarity analysis - connecting the branches of
systems neuroscience, https://doi.org/10.3389/neuro.06.004.2008; of frozen networks in Shah and Tripathi,
2025, Purrturbed but Stable: Human-Cat Invariant Representations Across CNNs, ViTs and Self-Supervised ViTs,
https://arxiv.org/abs/2511.02404, whose abstract does not name the dissimilarity: this one is Kriegeskorte's.
"""

import torch
from torch import Tensor

from circulant.core.errors import ShapeError
from circulant.data.installed import require

DIGITS = 12  # of a dissimilarity; what differs less is rounding, and ties


def representational_similarity(first: Tensor, second: Tensor) -> float:
    """Rank correlation of the dissimilarities.  first (N, ...), second (N, ...), N >= 3 -> -1 to 1.

    Row i of both is of the same example. Needs scipy. nan where all pairs of one are equally dissimilar.
    """
    if len(first) != len(second) or len(first) < 3:
        raise ShapeError(
            f"expected features of the same three or more examples, got {len(first)} and {len(second)}"
        )
    return rank_correlation(dissimilarity(first), dissimilarity(second))


def dissimilarity(features: Tensor) -> Tensor:
    """1 - correlation of features over channels.  features (N, ...) -> (N, N) float64, 0 to 2.

    Of an example whose features are all equal it is 1 to every other: nothing correlates with it.
    """
    rows = features.detach().flatten(1).double()
    rows = rows - rows.mean(1, keepdim=True)
    unit = torch.nn.functional.normalize(rows, dim=1)
    return 1 - (unit @ unit.T)


def rank_correlation(first: Tensor, second: Tensor, repeated: Tensor | None = None) -> float:
    """Spearman's correlation of two matrices (N, N) of dissimilarities, above the diagonal.

    repeated (N): numbers of examples, where rows were drawn with repeats. A pair of an example with itself
    says nothing and is left out.
    """
    require("scipy", "compare")
    from scipy.stats import spearmanr

    i, j = torch.triu_indices(len(first), len(first), 1)
    if repeated is not None:
        differ = repeated[i] != repeated[j]
        i, j = i[differ], j[differ]
    a, b = (far[i, j].round(decimals=DIGITS).cpu().numpy() for far in (first, second))
    if a.size < 2 or a.min() == a.max() or b.min() == b.max():
        return float("nan")
    return float(spearmanr(a, b).statistic)
