"""A fully connected conditional random field that sharpens a segmentation along the edges of its picture.

After Krähenbühl and Koltun (2011), as used by Chen, Papandreou, Kokkinos, Murphy and Yuille (2016), DeepLab,
https://arxiv.org/abs/1606.00915. Like the program that was used there, a pixel's own belief is part of its
messages, and kernels are normalised symmetrically.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.models.permutohedral_lattice import permutohedral_lattice

Sum = Callable[[Tensor], Tensor]
LEAST = 1e-20  # of a sum that is divided by, and of a probability


@final
class Filtering(Enum):
    """How Gaussian sums over all pixels are found."""

    EXACT = "exact"  # pair by pair, in quadratic time and memory
    LATTICE = "lattice"  # about the same, in linear time


@final
@dataclass(frozen=True, slots=True)
class PairwiseTerm:
    """What two pixels of one class gain: weight exp(-|dxy|^2 / (2 xy^2) - |dcolour|^2 / (2 colour^2)).

    xy in pixels, colour in the picture's own unit; colour None: wherever the picture has edges.
    """

    weight: float
    xy: float
    colour: float | None = None


PUBLISHED = (PairwiseTerm(3, 1), PairwiseTerm(4, 67, 3))  # colours from 0 to 255


@final
class DenseCRF(nn.Module):
    """Mean-field steps Q <- softmax(log P + sum_k weight_k N_k G_k N_k Q), N_k = diag(G_k 1)^(-1/2).

    Shapes: probabilities P (B, K, H, W), picture (B, C, H, W) -> Q (B, K, H, W).
    """

    def __init__(
        self,
        terms: tuple[PairwiseTerm, ...] = PUBLISHED,
        steps: int = 10,
        filtering: Filtering = Filtering.LATTICE,
    ) -> None:
        super().__init__()
        if steps < 0:
            raise ArgumentError(f"expected 0 steps or more, got {steps}")
        self.terms, self.steps, self.filtering = terms, steps, filtering

    def forward(self, probabilities: Tensor, picture: Tensor) -> Tensor:
        B, _, H, W = probabilities.shape
        if picture.ndim != 4 or (picture.shape[0], *picture.shape[2:]) != (B, H, W):
            raise ShapeError(
                f"expected a picture ({B}, C, {H}, {W}) like the probabilities, got {tuple(picture.shape)}"
            )
        return torch.stack([self._settle(p, x) for p, x in zip(probabilities, picture)])

    def _settle(self, probabilities: Tensor, picture: Tensor) -> Tensor:
        logs = probabilities.clamp(min=LEAST).log().flatten(1).T
        sums = [(term.weight, self._normalised(_features(term, picture))) for term in self.terms]
        belief = logs.softmax(1)
        for _ in range(self.steps):
            messages = [weight * total(belief) for weight, total in sums]
            belief = torch.stack([logs, *messages]).sum(0).softmax(1)
        return belief.T.reshape(probabilities.shape)

    def _normalised(self, features: Tensor) -> Sum:
        total = message(features, self.filtering)
        norm = total(torch.ones_like(features[:, :1])).clamp(min=LEAST).rsqrt()
        return lambda belief: norm * total(norm * belief)


def message(features: Tensor, filtering: Filtering) -> Sum:
    """The map of values (n, K) to sum_j exp(-|f_i - f_j|^2 / 2) values_j for features (n, d)."""
    if filtering is Filtering.LATTICE:
        return permutohedral_lattice(features).filter
    distances = torch.cdist(features, features, compute_mode="donot_use_mm_for_euclid_dist")
    return (-(distances**2) / 2).exp().matmul


def _features(term: PairwiseTerm, picture: Tensor) -> Tensor:
    """Position and, where it matters, colour of each pixel, (H W, 2 or 2 + C)."""
    H, W = picture.shape[1:]
    axes = (torch.arange(size).to(picture) for size in (H, W))
    rows, columns = torch.meshgrid(*axes, indexing="ij")
    places = torch.stack([rows, columns]).flatten(1).T / term.xy
    if term.colour is None:
        return places
    return torch.cat([places, picture.flatten(1).T / term.colour], 1)
