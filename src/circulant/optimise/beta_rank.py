r"""Filters ranked by their weights and by how much they pass on of what varies in their input: Beta-Rank.

    score_k = mean|w_k| sum_p std_b(y_k[b, p]) / std(window of x at p)

over the examples b of one batch; the window's deviation is over examples, channels and taps. No labels are
used. As y is linear in w, the score grows with the square of the weights; it does not change with the scale
of x. Each layer's scores are then stretched to 0 .. 1, so that only ranks within a layer mean something.

After Homayounfar, Koohi-Moghadam, Rawassizadeh and Vardhanabhuti (2023), Beta-Rank: A Robust Convolutional
Filter Pruning Method For Imbalanced Medical Image Analysis, https://arxiv.org/abs/2304.07461. The published
code cuts the window out along channels and rows; here it is the window that the filter sees.
"""

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.core.evaluation import in_evaluation
from circulant.explain.relevance_rule import quotient
from circulant.optimise.filter_scores import FilterScores, convolutions
from circulant.optimise.input_windows import input_windows
from circulant.optimise.recorded_calls import LayerCall, recorded_calls


@final
@dataclass(frozen=True, slots=True)
class BetaRank:
    """By convolution, (O) each: raw as in the equation, scores from 0 to 1 (all 1 where none differ)."""

    raw: FilterScores
    scores: FilterScores


def beta_rank(network: nn.Module, batch: Tensor) -> BetaRank:
    """Of every convolution that the batch (B, C, *spatial) reaches, in evaluation; B of 2 or more."""
    if len(batch) < 2:
        raise ArgumentError(f"expected a batch of 2 examples or more, got {len(batch)}; one does not vary")
    layers = convolutions(network)
    with in_evaluation(network), torch.no_grad(), recorded_calls(layers) as calls:
        network(batch)
        raw = {name: _raw(layers[name], call) for name, call in calls.items()}
    return BetaRank(raw, {name: _stretched(score) for name, score in raw.items()})


def beta_rank_scores(network: nn.Module, x: Tensor, classes: Tensor) -> FilterScores:
    """As a criterion for pruning; the classes are not looked at."""
    return beta_rank(network, x).scores


def _raw(layer: Any, call: LayerCall) -> Tensor:
    windows = input_windows(layer, call.x)
    ndim = layer.weight.ndim - 2
    by_group = windows.unflatten(1 + ndim, (layer.groups, -1)).movedim(1 + ndim, 0).flatten(2 + ndim)
    spread = by_group.movedim(1, -2).flatten(-2).std(-1, correction=0)  # (G, *out)
    passed = call.y.std(0, correction=0).unflatten(0, (layer.groups, -1))  # (G, O / G, *out)
    beta = quotient(passed, spread[:, None].expand_as(passed)).flatten(2).sum(2).flatten()
    mean: Tensor = layer.weight.abs().flatten(1).mean(1)
    return mean * beta


def _stretched(score: Tensor) -> Tensor:
    least, most = score.min(), score.max()
    return torch.ones_like(score) if least == most else (score - least) / (most - least)
