"""A mixture of Gaussians with a variance for each axis, fitted to points, to draw new ones from."""

from dataclasses import dataclass
from math import log, pi
from typing import final

import torch
from torch import Tensor

from circulant.core.errors import ArgumentError, ShapeError

FLOOR = 1e-6  # of a variance, beside that of the data: a component on one point does not collapse


@final
@dataclass(frozen=True, slots=True, eq=False)
class GaussianMixture:
    """share (N), mean (N, D), variance (N, D)."""

    share: Tensor
    mean: Tensor
    variance: Tensor

    def log_density(self, points: Tensor) -> Tensor:
        """Of points (P, D) -> (P)."""
        return self._joint(points).logsumexp(1)

    def responsibility(self, points: Tensor) -> Tensor:
        """How likely each component made each point (P, N)."""
        return self._joint(points).softmax(1)

    def _joint(self, points: Tensor) -> Tensor:
        squares = (points[:, None] - self.mean).square() / self.variance
        return self.share.log() - 0.5 * (squares + self.variance.log() + log(2 * pi)).sum(-1)

    def draw(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """New points (count, D)."""
        chosen = torch.multinomial(self.share, count, replacement=True, generator=generator)
        noise = torch.randn(count, self.mean.shape[1], dtype=self.mean.dtype, generator=generator)
        return self.mean[chosen] + self.variance[chosen].sqrt() * noise


@torch.no_grad()
def fit_mixture(points: Tensor, components: int, *, steps: int = 50, seed: int = 0) -> GaussianMixture:
    """Expectation maximisation on points (P, D), from means at points far from each other."""
    if points.ndim != 2 or len(points) < components:
        raise ShapeError(f"expected points (P, D) with P of {components} or more, got {tuple(points.shape)}")
    if components < 1:
        raise ArgumentError(f"expected 1 component or more, got {components}")
    spread = points.var(0, correction=0) + FLOOR
    mean = _scattered(points, components, torch.Generator().manual_seed(seed))
    share = points.new_full((components,), 1 / components)
    mixture = GaussianMixture(share, mean, spread.repeat(components, 1))
    for _ in range(steps):
        weight = mixture.responsibility(points)
        total = weight.sum(0) + FLOOR
        mean = weight.T @ points / total[:, None]
        square = weight.T @ points.square() / total[:, None]
        variance = (square - mean.square()).clamp(min=0) + FLOOR * spread
        mixture = GaussianMixture(total / total.sum(), mean, variance)
    return mixture


def _scattered(points: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Points drawn one after the other by their squared distance to those already drawn (k-means++)."""
    chosen = [int(torch.randint(len(points), (1,), generator=generator))]
    distance = torch.full((len(points),), float("inf"), dtype=points.dtype)
    for _ in range(count - 1):
        distance = torch.minimum(distance, (points - points[chosen[-1]]).square().sum(1))
        chosen.append(int(torch.multinomial(distance + FLOOR, 1, generator=generator)))
    return points[chosen].clone()
