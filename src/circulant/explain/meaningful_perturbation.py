"""The smallest smooth part of the picture whose blur takes the class away.

    argmin_m score(m x + (1 - m) blur(x)) + size_weight mean|1 - m| + variation_weight TV(m) / cells

by Adam, m on a grid of cells, from 0 to 1, enlarged bilinearly. The map is 1 - m: what has to go. Fong and
Vedaldi (2017), Interpretable Explanations of Black Boxes by Meaningful Perturbation,
https://arxiv.org/abs/1704.03296. The published code draws several jittered copies for each step; here there
is one. One of the nine methods compared in Nourelahi, Kotthoff, Chen and Nguyen (2022), How explainable are
adversarially-robust CNNs?, https://arxiv.org/abs/2205.13042.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from circulant.core.errors import ArgumentError
from circulant.core.evaluation import in_evaluation
from circulant.explain.class_scores import decision
from circulant.explain.gaussian_blur import gaussian_blur
from circulant.explain.invert_features import total_variation
from circulant.explain.saliency_maps import SaliencyMaps


@final
@dataclass(frozen=True, slots=True)
class Perturbation:
    """How the mask is found, and what it is charged for."""

    side: int = 7  # cells along an axis
    steps: int = 200
    rate: float = 0.1
    size_weight: float = 0.5
    variation_weight: float = 0.1

    def __post_init__(self) -> None:
        if self.side < 2 or self.steps < 1 or min(self.rate, self.size_weight, self.variation_weight) < 0:
            raise ArgumentError(
                "expected a side of 2 or more, steps of 1 or more, a rate and weights of 0 or more, got "
                f"{self.side}, {self.steps}, {self.rate}, {self.size_weight} and {self.variation_weight}"
            )


def meaningful_perturbation(
    network: nn.Module, x: Tensor, targets: Tensor | None = None, *, how: Perturbation | None = None
) -> SaliencyMaps:
    """Maps (B, H, W) of x (B, C, H, W), 0 to 1: how much of each pixel has to be blurred."""
    how = Perturbation() if how is None else how
    asked = decision(network, x, targets)
    blurred, picture = gaussian_blur(asked.x), asked.x
    removed = torch.full((len(x), 1, how.side, how.side), 0.5, dtype=x.dtype, device=x.device)
    with in_evaluation(network), torch.enable_grad():
        removed.requires_grad_()
        optimiser = torch.optim.Adam([removed], how.rate)
        for _ in range(how.steps):
            shown = interpolate(removed, x.shape[2:], mode="bilinear")
            logits = network(picture + shown * (blurred - picture))
            score = logits.softmax(1).gather(1, asked.targets[:, None]).sum()
            charge = how.size_weight * removed.mean((1, 2, 3)).sum()
            charge = charge + how.variation_weight * total_variation(removed) / how.side**2
            (removed.grad,) = torch.autograd.grad(score + charge, removed)
            optimiser.step()
            removed.data.clamp_(0, 1)
    values = interpolate(removed.detach(), x.shape[2:], mode="bilinear")[:, 0]
    return SaliencyMaps("meaningful perturbation", x, values)
