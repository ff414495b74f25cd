"""Training on pictures changed to mislead: adversarial training by projected gradient ascent.

    x <- clip(x0 + clip(x - x0 + rate sign(dloss/dx), -radius, radius), low, high),    from a random start.

Madry, Makelov, Schmidt, Tsipras and Vladu (2017), Towards Deep Learning Models Resistant to Adversarial
Attacks, https://arxiv.org/abs/1706.06083; the robust networks of Nourelahi, Kotthoff, Chen and Nguyen
(2022), How explainable are adversarially-robust CNNs?, https://arxiv.org/abs/2205.13042.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from circulant.core.errors import ArgumentError
from circulant.train.batches import shuffled_batches
from circulant.train.loop import Step
from circulant.train.recipe import Recipe


@final
@dataclass(frozen=True, slots=True)
class Attack:
    """How far a pixel may be moved, and how; in the units of x."""

    radius: float = 0.1
    rate: float = 0.025
    steps: int = 7
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if self.radius < 0 or self.rate <= 0 or self.steps < 0 or self.low >= self.high:
            raise ArgumentError(
                "expected a radius of 0 or more, a rate above 0, steps of 0 or more and low below high, got "
                f"{self.radius}, {self.rate}, {self.steps}, {self.low} and {self.high}"
            )


def attacked(
    network: nn.Module, x: Tensor, y: Tensor, attack: Attack, generator: torch.Generator | None = None
) -> Tensor:
    """x (B, ...) moved within the radius so that cross entropy with the classes y (B,) grows.

    The network's gradients and mode are left alone; it runs in the mode in which it is.
    """
    drawn = torch.rand(x.shape, generator=generator, dtype=x.dtype).to(x.device) * 2 - 1
    moved = (x + attack.radius * drawn).clamp(attack.low, attack.high)
    for _ in range(attack.steps):
        with torch.enable_grad():
            moved = moved.detach().requires_grad_()
            (slope,) = torch.autograd.grad(cross_entropy(network(moved), y), moved)
        away = (moved.detach() + attack.rate * slope.sign() - x).clamp(-attack.radius, attack.radius)
        moved = (x + away).clamp(attack.low, attack.high)
    return moved.detach()


def pgd_train(
    network: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    steps: int,
    attack: Attack | None = None,
    recipe: Recipe | None = None,
    seed: int = 0,
) -> list[float]:
    """Losses before each of the updates, all on attacked batches of x (N, ...) with classes y (N,).

    The network is left in eval mode.
    """
    attack, recipe = attack or Attack(), recipe or Recipe()
    generator = torch.Generator().manual_seed(seed)
    losses = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        step = Step(network.train(), recipe)
        batches = shuffled_batches(len(x), recipe.batch_for(len(x)), seed)
        for number, chosen in zip(range(steps), batches):
            harder = attacked(network, x[chosen], y[chosen], attack, generator)
            losses.append(step(harder, y[chosen], number / steps))
    network.eval()
    return losses
