"""How often a classifier keeps its answer when the picture is moved, turned or magnified.

Consistency is the share of pictures with the same class as before the change, right or wrong.

After Dai, Shi, Qiao, Zhu et al., 2022, Demystify Transformers & Convolutions in Modern Image Deep Networks,
https://arxiv.org/abs/2211.05781. There a jitter crops elsewhere in one direction drawn at random; here pixels
that leave on one side come in on the other, and all eight directions are taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import product
from math import cos, nan, radians, sin
from typing import final

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample

from circulant.core.errors import ArgumentError, ShapeError
from circulant.train.predict import predict

DIRECTIONS = tuple(step for step in product((-1, 0, 1), repeat=2) if step != (0, 0))


@final
class Change(Enum):
    SHIFT = "shift, pixels"
    ROTATION = "rotation, degrees"
    MAGNIFICATION = "magnification"


@final
@dataclass(frozen=True, slots=True)
class Consistency:
    """Under one change; shares of pictures, 0 to 1."""

    change: Change
    amount: float
    consistency: float
    accuracy: float  # nan without labels

    def __str__(self) -> str:
        return f"{self.change.value} {self.amount:g}: same {self.consistency:.1%}, right {self.accuracy:.1%}"


@final
@dataclass(frozen=True, slots=True)
class InvarianceReport:
    rows: tuple[Consistency, ...]

    def __str__(self) -> str:
        return "\n".join(map(str, self.rows))


def invariance_report(
    network: nn.Module,
    x: Tensor,
    labels: Tensor | None = None,
    *,
    shifts: Sequence[int] = (1, 2, 4),
    degrees: Sequence[float] = (10, 20, 30),
    magnifications: Sequence[float] = (0.8, 1.25),
) -> InvarianceReport:
    """x (N, C, H, W), labels (N,). The network is evaluated in eval mode, which is put back."""
    if x.ndim != 4 or len(x) == 0 or (labels is not None and labels.shape != (len(x),)):
        given = None if labels is None else tuple(labels.shape)
        raise ShapeError(f"expected x (N, C, H, W) and labels (N,), got {tuple(x.shape)} and {given}")
    if min(magnifications, default=1.0) <= 0:
        raise ArgumentError(f"expected magnifications above 0, got {tuple(magnifications)}")
    changes = [(Change.SHIFT, float(pixels)) for pixels in shifts]
    changes += [(Change.ROTATION, angle) for angle in degrees]
    changes += [(Change.MAGNIFICATION, factor) for factor in magnifications]
    plain = predict(network, x)
    rows = []
    for change, amount in changes:
        found = [predict(network, moved) for moved in changed(x, change, amount)]
        same = torch.stack([answer == plain for answer in found]).double().mean()
        right = nan if labels is None else float(torch.stack([a == labels for a in found]).double().mean())
        rows.append(Consistency(change, amount, float(same), right))
    return InvarianceReport(tuple(rows))


def changed(x: Tensor, change: Change, amount: float) -> list[Tensor]:
    """The pictures after that change: in all eight directions, turned both ways, or magnified."""
    match change:
        case Change.SHIFT:
            return [x.roll([int(amount) * step for step in both], (2, 3)) for both in DIRECTIONS]
        case Change.ROTATION:
            return [_resampled(x, radians(sign * amount), 1.0) for sign in (-1, 1)]
        case Change.MAGNIFICATION:
            return [_resampled(x, 0.0, amount)]


def _resampled(x: Tensor, angle: float, factor: float) -> Tensor:
    """Turned about the middle and magnified, between pixels bilinear, zero outside."""
    height, width = x.shape[2:]
    turn = torch.tensor(
        [
            [cos(angle), -sin(angle) * height / width, 0.0],
            [sin(angle) * width / height, cos(angle), 0.0],
        ],
        dtype=x.dtype,
        device=x.device,
    )
    grid = affine_grid((turn / factor).expand(len(x), 2, 3), list(x.shape), align_corners=False)
    return grid_sample(x, grid, padding_mode="zeros", align_corners=False)
