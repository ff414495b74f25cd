"""How much each filter of each convolution matters, by magnitude, by gradients and by relevance.

Magnitude after Li, Kadav, Durdanovic, Samet and Graf (2016), Pruning Filters for Efficient ConvNets,
https://arxiv.org/abs/1608.08710; activation times gradient after Molchanov, Tyree, Karras, Aila and Kautz
(2016), Pruning Convolutional Neural Networks for Resource Efficient Inference,
https://arxiv.org/abs/1611.06440; relevance after Yeom, Seegerer, Lapuschkin, Binder, Wiedemann, Müller and
Samek (2019), Pruning by Explaining: A Novel Criterion for Deep Neural Network Pruning,
https://arxiv.org/abs/1912.08881.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from circulant.core.evaluation import in_evaluation
from circulant.engine.conv_settings import CONVOLUTIONS
from circulant.explain.relevance import relevance
from circulant.explain.relevance_rule import Bounded, RelevanceRule
from circulant.optimise.recorded_calls import recorded_calls

FilterScores = dict[str, Tensor]  # (O) for each convolution by name, more for what matters more
Criterion = Callable[[nn.Module, Tensor, Tensor], FilterScores]


def convolutions(network: nn.Module) -> dict[str, Any]:
    return {name: module for name, module in network.named_modules() if type(module) in CONVOLUTIONS}


def magnitude_scores(network: nn.Module, x: Tensor, classes: Tensor) -> FilterScores:
    """Sum of |w| over each filter; of no example."""
    return {
        name: conv.weight.detach().abs().flatten(1).sum(1) for name, conv in convolutions(network).items()
    }


def relevance_scores(
    network: nn.Module,
    x: Tensor,
    classes: Tensor,
    rule: RelevanceRule | None = None,
    *,
    first: Bounded | None = None,
) -> FilterScores:
    """Relevance of each filter's output for the true classes, summed, as a share of its layer's.

    x (B, C, *spatial) are examples for reference, classes (B,). Layers without any relevance score 0.
    """
    found = relevance(network, x, classes, rule, first=first).layers
    scores = {}
    for name in convolutions(network):
        if name in found:
            sums = found[name].movedim(1, 0).flatten(1).sum(1)
            total = sums.sum()
            scores[name] = torch.where(total == 0, 0.0, sums / total)
    return scores


def gradient_scores(network: nn.Module, x: Tensor, classes: Tensor) -> FilterScores:
    """|mean of the cross entropy's gradient| over examples and positions of each filter's output."""
    return {name: g.movedim(1, 0).flatten(1).mean(1).abs() for name, (_, g) in _seen(network, x, classes)}


def activation_gradient_scores(network: nn.Module, x: Tensor, classes: Tensor) -> FilterScores:
    """|mean of output times gradient|: to first order, what the loss changes by without the filter."""
    return {
        name: (y * g).movedim(1, 0).flatten(1).mean(1).abs() for name, (y, g) in _seen(network, x, classes)
    }


def normed_per_layer(criterion: Criterion) -> Criterion:
    """The scores of each layer divided by their Euclidean norm, so that layers can be compared."""

    def normed(network: nn.Module, x: Tensor, classes: Tensor) -> FilterScores:
        scores = criterion(network, x, classes)
        return {name: nn.functional.normalize(score, dim=0) for name, score in scores.items()}

    return normed


def _seen(network: nn.Module, x: Tensor, classes: Tensor) -> Iterator[tuple[str, tuple[Tensor, Tensor]]]:
    """Each convolution's output and its gradient, in evaluation."""
    with in_evaluation(network), torch.enable_grad(), recorded_calls(convolutions(network)) as calls:
        loss = nn.functional.cross_entropy(network(x.detach().requires_grad_()), classes)
    gradients = torch.autograd.grad(loss, [call.y for call in calls.values()])
    for (name, call), g in zip(calls.items(), gradients):
        yield name, (call.y.detach(), g)
