r"""How one layer hands relevance back from its outputs to its inputs.

    z+          R_i = a_i sum_j w+_ij R_j / (sum_i a_i w+_ij + 1e-9)
    epsilon     R_i = a_i sum_j w_ij R_j / (z_j + epsilon sign z_j),   z_j = sum_i a_i w_ij (+ b_j)
    alpha-beta  R_i = sum_j (alpha (a_i w_ij)+ / sum_i (a_i w_ij)+ - beta (a_i w_ij)- / sum_i (a_i w_ij)-) R_j
    z^B         R_i = sum_j (a_i w_ij - l w+_ij - h w-_ij) R_j / (the same, summed over i)

with alpha - beta = 1, and l, h the least and largest values of an input. A quotient of nothing is nothing.

After Bach, Binder, Montavon, Klauschen, Müller and Samek (2015), On Pixel-Wise Explanations for Non-Linear
Classifier Decisions by Layer-Wise Relevance Propagation, https://doi.org/10.1371/journal.pone.0130140; z+ and
z^B after Montavon, Lapuschkin, Binder, Samek and Müller (2015), Explaining NonLinear Classification Decisions
with Deep Taylor Decomposition, https://arxiv.org/abs/1512.02479.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn

SMALL = 1e-9  # in the denominators of z+ and z^B
LinearMap = Callable[[Tensor], Tensor]


@final
@dataclass(frozen=True, slots=True)
class ZPlus:
    """Biases are ignored; the sum over a layer stays where every unit has an input above 0."""


@final
@dataclass(frozen=True, slots=True)
class Epsilon:
    """biases: in the denominator, so that they swallow relevance. Then, as epsilon -> 0, gradient x input."""

    epsilon: float = 1e-9
    biases: bool = True


@final
@dataclass(frozen=True, slots=True)
class AlphaBeta:
    """beta = alpha - 1; alpha = 1 is z+ for inputs of 0 and above."""

    alpha: float = 2.0


@final
@dataclass(frozen=True, slots=True)
class Bounded:
    """z^B, for the first layer: its input lies from low to high."""

    low: float = -1.0
    high: float = 1.0


RelevanceRule = ZPlus | Epsilon | AlphaBeta | Bounded


def layer_relevance(layer: nn.Module, a: Tensor, relevance: Tensor, rule: RelevanceRule) -> Tensor:
    """Relevance of the input a of a convolution or linear layer, from that of its output."""
    weight: Any = layer.weight
    positive, negative = weight.clamp(min=0), weight.clamp(max=0)
    above, under = a.clamp(min=0), a.clamp(max=0)
    shares = _Shares(layer, relevance)
    match rule:
        case ZPlus():
            return shares.of([(a, positive)], SMALL)
        case Epsilon():
            return shares.stabilised(a, weight, rule)
        case AlphaBeta():
            gained = shares.of([(above, positive), (under, negative)])
            lost = shares.of([(above, negative), (under, positive)])
            return rule.alpha * gained - (rule.alpha - 1) * lost
        case Bounded():
            low, high = torch.full_like(a, rule.low), torch.full_like(a, rule.high)
            return shares.of([(a, weight), (-low, positive), (-high, negative)], SMALL)


def quotient(above: Tensor, below: Tensor) -> Tensor:
    """above / below, and 0 where below is 0."""
    nothing = below == 0
    return torch.where(nothing, 0.0, above / torch.where(nothing, 1.0, below))


def back(forward: LinearMap, x: Tensor, y: Tensor) -> Tensor:
    """y through the transpose of a linear map of tensors like x."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        (found,) = torch.autograd.grad(forward(x), x, y)
    return found


def _map(layer: Any, weight: Tensor) -> LinearMap:
    """The layer with another weight, and without its bias."""
    if isinstance(layer, nn.Linear):
        return lambda x: nn.functional.linear(x, weight)
    return lambda x: layer._conv_forward(x, weight, None)


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Shares:
    """Relevance of a layer's outputs, to be dealt out in proportion to terms x w."""

    layer: nn.Module
    relevance: Tensor

    def of(self, terms: list[tuple[Tensor, Tensor]], small: float = 0.0) -> Tensor:
        z = torch.stack([_map(self.layer, w)(x) for x, w in terms]).sum(0)
        return self._dealt(terms, z + small)

    def stabilised(self, a: Tensor, weight: Tensor, rule: Epsilon) -> Tensor:
        z = self.layer(a) if rule.biases else _map(self.layer, weight)(a)
        return self._dealt([(a, weight)], z + rule.epsilon * torch.where(z < 0, -1.0, 1.0))

    def _dealt(self, terms: list[tuple[Tensor, Tensor]], below: Tensor) -> Tensor:
        share = quotient(self.relevance, below)
        return torch.stack([x * back(_map(self.layer, w), x, share) for x, w in terms]).sum(0)
