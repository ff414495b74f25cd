"""Which concept each unit of a layer stands for: its strongest places against masks of concepts.

    T_k: P(a_k > T_k) = quantile over all positions of all pictures,    M_k = [upsampled a_k > T_k],
    IoU(k, c) = |M_k and L_c| / |M_k or L_c|, counted over the whole set.

A unit marks a share `quantile` of the pixels, a concept covers a share q. Whatever the unit does,
IoU <= min(q, quantile) / max(q, quantile): with the published 0.5 % a concept that covers 20 % of the pixels
cannot reach more than 0.025. Set quantile near the share of the concepts that you look for.

Bau, Zhou, Khosla, Oliva and Torralba (2017), Network Dissection: Quantifying Interpretability of Deep Visual
Representations, https://arxiv.org/abs/1704.05796. Surveyed in Qin, Yu, Liu and Chen (2018), How convolutional
neural network see the world - A survey of convolutional neural network visualization methods,
https://arxiv.org/abs/1804.11191.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from circulant.core.errors import ArgumentError, DtypeError, ShapeError
from circulant.core.evaluation import in_evaluation
from circulant.explain.layer_outputs import outputs_of, require_pictures

QUANTILE = 0.005
LEAST_IOU = 0.04
CHUNK = 32  # pictures at once


@final
@dataclass(frozen=True, slots=True, eq=False)
class Dissection:
    """Of K units and M concepts."""

    threshold: Tensor  # (K,)
    iou: Tensor  # (K, M), 0 to 1
    concept: Tensor  # (K,), the best concept of each unit; -1 where none is above the least IoU


def network_dissection(
    network: nn.Module,
    layer: nn.Module,
    x: Tensor,
    concepts: Tensor,
    *,
    quantile: float = QUANTILE,
    least_iou: float = LEAST_IOU,
) -> Dissection:
    """Dissect a layer of the network that gives features (N, K, h, w) of the pictures x (N, C, H, W).

    concepts (N, M, H, W), bool: where each concept is in each picture.
    """
    require_pictures(x)
    with in_evaluation(network), torch.no_grad(), outputs_of(network, [layer]) as outputs:
        for part in x.split(CHUNK):
            network(part)
    return dissect_features(torch.cat(outputs), concepts, quantile=quantile, least_iou=least_iou)


def dissect_features(
    features: Tensor, concepts: Tensor, *, quantile: float = QUANTILE, least_iou: float = LEAST_IOU
) -> Dissection:
    """The same of features (N, K, h, w) that are there already."""
    _require(features, concepts, quantile)
    values = features.transpose(0, 1).flatten(1).double().cpu().numpy()
    threshold = torch.from_numpy(np.quantile(values, 1 - quantile, axis=1)).to(features)
    size = (concepts.shape[2], concepts.shape[3])
    both = torch.zeros(features.shape[1], concepts.shape[1], dtype=torch.float64, device=features.device)
    marked, covered = both.sum(1), both.sum(0)
    for part, masks in zip(features.split(CHUNK), concepts.split(CHUNK), strict=True):
        enlarged = interpolate(part, size, mode="bilinear")
        mine = (enlarged > threshold[:, None, None]).transpose(0, 1).flatten(1).double()
        theirs = masks.transpose(0, 1).flatten(1).double()
        both += mine @ theirs.T
        marked = marked + mine.sum(1)
        covered = covered + theirs.sum(1)
    iou = both / (marked[:, None] + covered - both).clamp_min(1)
    best = iou.max(1)
    return Dissection(threshold, iou, torch.where(best.values > least_iou, best.indices, -1))


def _require(features: Tensor, concepts: Tensor, quantile: float) -> None:
    if features.ndim != 4 or concepts.ndim != 4 or len(features) != len(concepts) or 0 in concepts.shape:
        raise ShapeError(
            "expected features (N, K, h, w) and concepts (N, M, H, W) of the same pictures, "
            f"got {tuple(features.shape)} and {tuple(concepts.shape)}"
        )
    if concepts.dtype != torch.bool:
        raise DtypeError(f"expected concepts of dtype bool, got {concepts.dtype}; compare them with a level")
    if not 0 < quantile < 1:
        raise ArgumentError(f"expected quantile above 0 and below 1, got {quantile}")
