r"""Centred kernel alignment: are two representations of the same examples alike, up to rotation and scale?

With Gram matrices K of the one and L of the other and the centring matrix H = I - 1/n,

    CKA(K, L) = HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)),    HSIC(K, L) = tr(K H L H) / (n - 1)^2.

The linear kernel compares all differences between examples, the Gaussian one, exp(-distance^2 / (2
bandwidth^2)), those of near examples; its bandwidth is a share of the median distance, so that units do not
matter. What surprises: the estimate above is far from 0 for unrelated features of many channels, about
channels / n for the linear kernel. `Estimator.UNBIASED` has mean 0 there, and may be negative.

Kornblith, Norouzi, Lee and Hinton, 2019, Similarity of Neural Network Representations Revisited,
https://arxiv.org/abs/1905.00414; the unbiased estimate of Song, Smola, Gretton, Bedo and Borgwardt, 2012,
Feature Selection via Dependence Maximization. Both kernels, layer by layer, in Shah and Tripathi, 2025,
Purrturbed but Stable: Human-Cat Invariant Representations Across CNNs, ViTs and Self-Supervised ViTs,
https://arxiv.org/abs/2511.02404, of which the abstract alone was at hand.
"""

from enum import Enum

import torch
from torch import Tensor

from circulant.core.errors import ArgumentError, ShapeError


class Estimator(Enum):
    """How HSIC is estimated from n examples."""

    BIASED = "biased"  # never negative; n >= 2
    UNBIASED = "unbiased"  # of independent features 0 on average; n >= 4


FEWEST = {Estimator.BIASED: 2, Estimator.UNBIASED: 4}


def linear_cka(first: Tensor, second: Tensor, estimator: Estimator = Estimator.BIASED) -> float:
    """Alignment of all differences between examples.  first (N, ...), second (N, ...) -> 0 to 1 if biased.

    Row i of both is of the same example; the sizes behind may differ. Computed in float64. nan where all
    examples of one are equal.
    """
    _require_paired(first, second)
    return alignment(linear_gram(first), linear_gram(second), estimator)


def rbf_cka(
    first: Tensor, second: Tensor, bandwidth: float = 1.0, estimator: Estimator = Estimator.BIASED
) -> float:
    """Alignment of what is near what; otherwise as `linear_cka`.

    bandwidth: standard deviation of the Gaussian, as a share of the median distance between two examples.
    """
    _require_paired(first, second)
    return alignment(rbf_gram(first, bandwidth), rbf_gram(second, bandwidth), estimator)


def linear_gram(features: Tensor) -> Tensor:
    """Inner products of examples around their mean.  features (N, ...) -> (N, N) float64."""
    rows = centred_rows(features)
    return rows @ rows.T


def rbf_gram(features: Tensor, bandwidth: float = 1.0) -> Tensor:
    """Gaussian of the distance.  features (N, ...) -> (N, N) float64; all 1 for a median distance of 0."""
    if not bandwidth > 0:
        raise ArgumentError(f"expected bandwidth above 0, a share of the median distance, got {bandwidth}")
    distance = torch.pdist(centred_rows(features))
    width = bandwidth * distance.median()
    count = len(features)
    near = torch.ones(count, count, dtype=torch.float64, device=features.device)
    if width > 0:
        i, j = torch.triu_indices(count, count, 1, device=features.device)
        near[i, j] = near[j, i] = torch.exp(-(distance**2) / (2 * width**2))
    return near


def alignment(first: Tensor, second: Tensor, estimator: Estimator = Estimator.BIASED) -> float:
    """CKA of two Gram matrices (N, N); nan where one of them does not vary."""
    own = hsic(first, first, estimator) * hsic(second, second, estimator)
    return hsic(first, second, estimator) / own**0.5 if own > 0 else float("nan")


def hsic(first: Tensor, second: Tensor, estimator: Estimator = Estimator.BIASED) -> float:
    """Hilbert-Schmidt independence criterion of two Gram matrices (N, N), in their units multiplied."""
    count = len(first)
    if first.shape != (count, count) or second.shape != first.shape or count < FEWEST[estimator]:
        raise ShapeError(
            f"expected two Gram matrices (N, N) of the same N >= {FEWEST[estimator]} for the "
            f"{estimator.value} estimate, got {tuple(first.shape)} and {tuple(second.shape)}"
        )
    if estimator is Estimator.BIASED:
        return float((_centred(first) * second).sum()) / (count - 1) ** 2
    others = 1 - torch.eye(count, dtype=first.dtype, device=first.device)
    k, l = first * others, second * others
    sums = k.sum(0) @ l.sum(0)
    total = k.sum() * l.sum() / ((count - 1) * (count - 2))
    return float((k * l).sum() + total - 2 * sums / (count - 2)) / (count * (count - 3))


def centred_rows(features: Tensor) -> Tensor:
    """(N, ...) -> (N, everything else) in float64, each column of mean 0."""
    if features.is_complex() or features.ndim < 2 or 0 in features.shape or len(features) < 2:
        raise ShapeError(
            f"expected real features (N, ...) of two examples or more, got {tuple(features.shape)} of "
            f"{features.dtype}"
        )
    rows = features.detach().flatten(1).double()
    rows = (
        rows - rows[:1]
    )  # so that equal examples leave exact zeros, which less their rounded mean they do not
    return rows - rows.mean(0)


def _centred(gram: Tensor) -> Tensor:
    """H gram H."""
    return gram - gram.mean(0) - gram.mean(1, keepdim=True) + gram.mean()


def _require_paired(first: Tensor, second: Tensor) -> None:
    if len(first) != len(second):
        raise ShapeError(
            f"expected features of the same examples in the same order, got {len(first)} and {len(second)}; "
            "pair them first"
        )
