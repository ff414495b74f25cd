"""Importance of pixels by gradients of the class's logit f.

    gradient               max_c |df/dx_c|
    gradient x input       sum_c x_c df/dx_c
    integrated gradients   sum_c (x_c - x0_c) mean_t df/dx_c at x0 + t (x - x0), t the midpoints of [0, 1]

Integrated gradients add up to f(x) - f(x0) (completeness); where f is linear they are w x for x0 = 0, as
gradient x input is. Simonyan, Vedaldi and Zisserman (2013), https://arxiv.org/abs/1312.6034; Shrikumar,
Greenside, Shcherbina and Kundaje (2016), https://arxiv.org/abs/1605.01713; Sundararajan, Taly and Yan
(2017), https://arxiv.org/abs/1703.01365. Three of the nine methods compared in Nourelahi, Kotthoff, Chen and
Nguyen (2022), How explainable are adversarially-robust CNNs?, https://arxiv.org/abs/2205.13042.
"""

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.evaluation import in_evaluation
from circulant.explain.class_scores import decision, logits_of
from circulant.explain.saliency_maps import SaliencyMaps

STEPS = 200


def gradient(network: nn.Module, x: Tensor, targets: Tensor | None = None) -> SaliencyMaps:
    """Maps (B, H, W) of x (B, C, H, W), in logits for each unit of x; targets None: what is decided."""
    asked = decision(network, x, targets)
    return SaliencyMaps("gradient", x, _gradient(network, x, asked.targets).abs().amax(1))


def gradient_times_input(network: nn.Module, x: Tensor, targets: Tensor | None = None) -> SaliencyMaps:
    """Maps (B, H, W) of x (B, C, H, W), in logits, signed."""
    asked = decision(network, x, targets)
    return SaliencyMaps("gradient x input", x, (x.detach() * _gradient(network, x, asked.targets)).sum(1))


def integrated_gradients(
    network: nn.Module,
    x: Tensor,
    targets: Tensor | None = None,
    *,
    baseline: Tensor | None = None,
    steps: int = STEPS,
) -> SaliencyMaps:
    """Maps (B, H, W) of x (B, C, H, W), in logits, signed. baseline like x, or None for zeros."""
    asked = decision(network, x, targets)
    if steps < 1:
        raise ArgumentError(f"expected steps of 1 or more, got {steps}")
    start = torch.zeros_like(x) if baseline is None else baseline
    if start.shape != x.shape:
        raise ShapeError(f"expected a baseline {tuple(x.shape)} like x, got {tuple(start.shape)}")
    way, total = x.detach() - start, torch.zeros_like(x)
    for step in range(steps):
        total += _gradient(network, start + (step + 0.5) / steps * way, asked.targets)
    return SaliencyMaps("integrated gradients", x, (way * total / steps).sum(1))


def _gradient(network: nn.Module, x: Tensor, targets: Tensor) -> Tensor:
    with in_evaluation(network), torch.enable_grad():
        x = x.detach().clone().requires_grad_()
        score = logits_of(network, x.clone(), targets).sum()  # a first layer may work in place
        (found,) = torch.autograd.grad(score, x, materialize_grads=True)
    return found
