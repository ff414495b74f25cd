r"""Neural collapse: have the features of each class become one point, and the points a regular frame?

With class means m_k of features h, their centre m, S_W the covariance within classes and S_B that of the
means, and with W the linear map from features to logits, bias or not,

    NC1 = tr(S_W S_B^+) / K            how wide classes are against how far they lie apart
    NC2 = | W W' / |W W'| - F |        F = (I - 1 1' / K) / sqrt(K - 1) with bias, I / sqrt(K) without
    NC3 = | W H / |W H| - F |          H = [m_1 - m, ..., m_K - m] with bias, [m_1, ..., m_K] without

in Frobenius' norm; all go to 0. What surprises: without a bias nothing centres the features, and the frame is
orthogonal instead of a simplex; with classes of unequal counts its vectors differ in length
(`generalized_orthogonal_frame`) and NC2, NC3 stay above 0.

Where the head is several linear layers without anything between them, W_M ... W_1, collapse shows at each:
layer j is measured with W_M ... W_j and the means of its own input.

Papyan, Han and Donoho, 2020, Prevalence of Neural Collapse during the terminal phase of deep learning
training, https://arxiv.org/abs/2008.08186; Dang, Tran, Osher, Tran-The, Ho and Nguyen, 2023, Neural Collapse
in Deep Linear Networks: From Balanced to Imbalanced Data, https://arxiv.org/abs/2301.00437.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.hooks import watching
from circulant.train.predict import CHUNK, evaluating

NULL = 1e-10  # singular values of the centred means below this share of the largest count as 0


class Frame(Enum):
    """What class means go to when all classes have as many examples."""

    SIMPLEX = "simplex"  # of networks whose last layer has a bias
    ORTHOGONAL = "orthogonal"  # of networks whose last layer has none


@final
@dataclass(frozen=True, slots=True)
class NeuralCollapse:
    """0 where collapsed in full."""

    within: float  # NC1
    weights: float  # NC2, up to 2
    alignment: float  # NC3, up to 2


def neural_collapse_metrics(features: Tensor, labels: Tensor, weight: Tensor, frame: Frame) -> NeuralCollapse:
    """Of the input of a linear layer.  features (N, D), labels (N) from 0 to K - 1, weight (K, D).

    Every class needs an example. Computed in float64.
    """
    _require(features, labels, weight)
    h, w, labels = features.detach().double(), weight.detach().double(), labels.long()
    means = class_means(h, labels, len(w))
    centred = means - means.mean(0)
    spread = h - means[labels]
    within = float((spread @ torch.linalg.pinv(centred, rtol=NULL)).square().sum()) / len(h)
    ideal = _ideal(len(w), frame).to(h.device)
    arms = centred if frame is Frame.SIMPLEX else means
    return NeuralCollapse(within, _distance(w @ w.T, ideal), _distance(w @ arms.T, ideal))


def collapse_by_layer(
    weights: Sequence[Tensor], features: Tensor, labels: Tensor, frame: Frame
) -> tuple[NeuralCollapse, ...]:
    """Of linear layers W_1, ..., W_M in a row, (out, in) each, from their input features (N, D)."""
    if not weights or any(a.shape[0] != b.shape[1] for a, b in pairwise(weights)):
        shapes = [tuple(weight.shape) for weight in weights]
        raise ShapeError(f"expected weights (out, in), each of the next's input size, got {shapes}")
    found, h = [], features.detach().double()
    for number, weight in enumerate(weights):
        rest = weight.detach().double()
        for later in weights[number + 1 :]:
            rest = later.detach().double() @ rest
        found.append(neural_collapse_metrics(h, labels, rest, frame))
        h = h @ weight.detach().double().T
    return tuple(found)


def network_collapse(network: nn.Module, head: nn.Linear, x: Tensor, labels: Tensor) -> NeuralCollapse:
    """Of the input of head, the last layer of the network, over examples x (N, ...) in eval mode.

    The frame is the simplex where head has a bias. The network's mode is put back.
    """
    if not any(module is head for module in network.modules()):
        raise ArgumentError(
            "expected head to be a layer of the network itself, got another module; take it from the network"
        )
    seen: list[Tensor] = []

    def keep(name: str, layer: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
        seen.append(inputs[0])

    with watching({"head": head}, keep), evaluating(network):
        for rows in x.split(CHUNK):
            network(rows)
    frame = Frame.ORTHOGONAL if head.bias is None else Frame.SIMPLEX
    return neural_collapse_metrics(torch.cat(seen), labels, head.weight, frame)


def class_means(features: Tensor, labels: Tensor, classes: int) -> Tensor:
    """features (N, D), labels (N) -> (K, D)."""
    sums = features.new_zeros(classes, features.shape[1]).index_add(0, labels, features)
    return sums / torch.bincount(labels, minlength=classes)[:, None]


def _ideal(classes: int, frame: Frame) -> Tensor:
    """F, of norm 1."""
    unit = torch.eye(classes, dtype=torch.float64)
    return (unit - 1 / classes) / (classes - 1) ** 0.5 if frame is Frame.SIMPLEX else unit / classes**0.5


def _distance(matrix: Tensor, ideal: Tensor) -> float:
    return float((matrix / matrix.norm() - ideal).norm())


def _require(features: Tensor, labels: Tensor, weight: Tensor) -> None:
    if features.ndim != 2 or weight.ndim != 2 or features.shape[1] != weight.shape[1] or len(weight) < 2:
        raise ShapeError(
            f"expected features (N, D) and a weight (K, D) with K >= 2, got {tuple(features.shape)} and "
            f"{tuple(weight.shape)}"
        )
    if labels.shape != features.shape[:1] or labels.is_floating_point():
        raise ShapeError(
            f"expected a whole number for each of {len(features)} examples as labels, got "
            f"{tuple(labels.shape)} of {labels.dtype}"
        )
    if sorted(set(labels.tolist())) != list(range(len(weight))):
        raise ArgumentError(
            f"expected labels 0 to {len(weight) - 1}, each at least once, got {sorted(set(labels.tolist()))}"
        )
