"""Capsules: features as vectors whose length says how sure they are, sent where they agree."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError


@final
@dataclass(frozen=True, slots=True)
class Routed:
    """Capsules (B, classes, D), and how each part was shared out among them (B, parts, classes)."""

    capsules: Tensor
    shares: Tensor


def squash(s: Tensor) -> Tensor:
    """|s|^2 / (1 + |s|^2) s / |s| over the last axis: the same direction, and a length below 1."""
    square = s.square().sum(-1, keepdim=True)
    size = torch.sqrt(square + torch.finfo(s.dtype).tiny)
    return square / (1 + square) * s / size


def route(predictions: Tensor, rounds: int = 3) -> Routed:
    """Routing by agreement of predictions (B, parts, classes, D): parts go where others point as well.

    Shares are a softmax over classes of logits that start at 0 and grow by <prediction, capsule>.
    """
    logits = predictions.new_zeros(predictions.shape[:-1])
    for _ in range(rounds - 1):
        capsules = squash(torch.einsum("bpc,bpcd->bcd", logits.softmax(-1), predictions))
        logits = logits + torch.einsum("bpcd,bcd->bpc", predictions, capsules)
    shares = logits.softmax(-1)
    return Routed(squash(torch.einsum("bpc,bpcd->bcd", shares, predictions)), shares)


@final
class CapsuleEncoder(nn.Module):
    """Groups of channels, averaged over `cells` along each axis, as parts; one capsule for each class.

    Shapes: x (B, C, *spatial) -> (B, classes, capsule_width); the C channels are C / part_width vectors at
    each of cells^n places, each with a matrix of its own for every class.
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        *,
        ndim: int = 1,
        part_width: int = 8,
        capsule_width: int = 16,
        cells: int = 4,
        rounds: int = 3,
    ) -> None:
        super().__init__()
        if channels % part_width or rounds < 1 or ndim not in (1, 2, 3):
            raise ArgumentError(
                "expected channels as a multiple of part_width, rounds of 1 or more and ndim from 1 to 3, "
                f"got {channels}, {part_width}, {rounds} and {ndim}"
            )
        self.part_width, self.rounds = part_width, rounds
        self.pool = {1: nn.AdaptiveAvgPool1d, 2: nn.AdaptiveAvgPool2d, 3: nn.AdaptiveAvgPool3d}[ndim](cells)
        parts = channels // part_width * cells**ndim
        shape = (parts, classes, part_width, capsule_width)
        self.weight = nn.Parameter(torch.randn(shape) * part_width**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        return self.routed(x).capsules

    def routed(self, x: Tensor) -> Routed:
        """With the shares, which tell what each class was made of."""
        pooled = self.pool(x).unflatten(1, (-1, self.part_width))
        parts = squash(pooled.flatten(3).transpose(2, 3).flatten(1, 2))  # (B, parts, part_width)
        return route(torch.einsum("bpi,pcid->bpcd", parts, self.weight), self.rounds)
