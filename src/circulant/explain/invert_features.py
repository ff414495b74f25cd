"""A picture from its features: what a layer keeps, and what it has lost.

    x* = argmin |f(x) - f0|^2 / |f0|^2 + alpha_weight |x|_6^6 + variation_weight TV(x),
    TV(x) = sum over pixels of (x[i+1, j] - x[i, j])^2 + (x[i, j+1] - x[i, j])^2,

from small noise, by gradient descent with momentum and a rate that falls in steps. f(x) = f0 has many
solutions behind a max-pool or a ReLU; the two penalties choose among them. The rate is in units of 1 /
curvature, 2 s^2 / |f0|^2 of the first term, where s is the largest singular value of df/dx at the start, and
those of the penalties: one number fits layers of any scale.

Mahendran and Vedaldi (2014), Understanding Deep Image Representations by Inverting Them,
https://arxiv.org/abs/1412.0035. Surveyed in Qin, Yu, Liu and Chen (2018), How convolutional neural network
see the world - A survey of convolutional neural network visualization methods,
https://arxiv.org/abs/1804.11191.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.evaluation import in_evaluation

MOMENTUM = 0.9
POWER_STEPS = 10
NOISE = 0.01  # standard deviation of the start


@final
@dataclass(frozen=True, slots=True)
class Descent:
    """How a picture is changed, step by step, and what it is charged for."""

    steps: int = 400
    rate: float = 1.0  # in units of 1 / curvature at the start
    fall: float = 0.1  # factor of the rate at each third of the steps
    alpha_weight: float = 0.0  # of the sum of sixth powers: pixels far out are expensive
    variation_weight: float = 0.0  # of the total variation: edges are expensive
    high: float = (
        1.0  # what |x| is expected to stay below: beyond it the sixth powers may make steps too long
    )

    def __post_init__(self) -> None:
        if self.steps < 1 or min(self.rate, self.high) <= 0 or not 0 < self.fall <= 1:
            raise ArgumentError(
                "expected steps of 1 or more, rate and high above 0 and a fall above 0 and at most 1, "
                f"got {self.steps}, {self.rate}, {self.high} and {self.fall}"
            )
        if self.alpha_weight < 0 or self.variation_weight < 0:
            raise ArgumentError(
                f"expected weights of 0 or more, got {self.alpha_weight} and {self.variation_weight}"
            )


@final
@dataclass(frozen=True, slots=True, eq=False)
class InvertedFeatures:
    x: Tensor  # of the shape that was asked for
    feature_errors: tuple[float, ...]  # |f(x) - f0|^2 / |f0|^2 before each step


def invert_features(
    network: nn.Module,
    features: Tensor,
    shape: tuple[int, ...],
    descent: Descent | None = None,
    seed: int = 0,
) -> InvertedFeatures:
    """A picture x of that shape (1, C, H, W) whose features network(x) are near the given ones.

    For a layer inside a network give the network up to it. Eval mode; modes and gradients are left as they
    were.
    """
    descent = Descent() if descent is None else descent
    features = features.detach()
    energy = float(features.square().sum())
    if energy == 0:
        raise ArgumentError(
            "expected features that are not all 0, got nothing else; every picture is as good"
        )
    generator = torch.Generator().manual_seed(seed)
    x = NOISE * torch.randn(shape, generator=generator, dtype=torch.float64).to(features)
    velocity = torch.zeros_like(x)
    errors: list[float] = []
    with in_evaluation(network), torch.enable_grad():
        curvature = 2 * _largest_gain(network, x, features, seed) ** 2 / energy
        rate = descent.rate / (curvature + _penalty_curvature(descent))
        for step in range(descent.steps):
            x = x.detach().requires_grad_()
            error = (network(x) - features).square().sum() / energy
            errors.append(error.item())
            (gradient,) = torch.autograd.grad(error + _penalty(x, descent), x)
            velocity = MOMENTUM * velocity - rate * descent.fall ** (3 * step // descent.steps) * gradient
            x = x.detach() + velocity
    return InvertedFeatures(x, tuple(errors))


def total_variation(x: Tensor) -> Tensor:
    """Sum of squared differences of neighbours.  Shapes: x (..., H, W) -> ()."""
    return x.diff(dim=-2).square().sum() + x.diff(dim=-1).square().sum()


def _penalty(x: Tensor, descent: Descent) -> Tensor:
    return descent.alpha_weight * x.pow(6).sum() + descent.variation_weight * total_variation(x)


def _penalty_curvature(descent: Descent) -> float:
    """The largest second derivative of the penalties where |x| <= high."""
    return 30 * descent.alpha_weight * descent.high**4 + 16 * descent.variation_weight


def _largest_gain(network: nn.Module, x: Tensor, features: Tensor, seed: int) -> float:
    """Largest singular value of df/dx at x, by power iteration."""
    x = x.detach().requires_grad_()
    y = network(x)
    if y.shape != features.shape:
        raise ShapeError(
            f"expected features {tuple(y.shape)} of x {tuple(x.shape)}, got {tuple(features.shape)}"
        )
    twin = torch.zeros_like(y, requires_grad=True)
    (back,) = torch.autograd.grad(y, x, twin, create_graph=True)
    drawn = torch.randn(x.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    direction, gain = drawn.to(x), 0.0
    for _ in range(POWER_STEPS):
        direction = direction / direction.norm()
        (forwards,) = torch.autograd.grad(back, twin, direction, retain_graph=True)
        (direction,) = torch.autograd.grad(y, x, forwards, retain_graph=True)
        gain = float(direction.norm()) ** 0.5
        if gain == 0:
            raise ArgumentError(
                "expected features that depend on the picture, got a gradient of 0 at the start"
            )
    return gain
