"""The taps of a rational transfer function, and where its coefficients start."""

from enum import Enum

import torch.nn.functional as F
from torch import Tensor

from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.pairs import conjugate, power, times
from circulant.engine.costs import transform_cost
from circulant.engine.transform import irfft, rfft
from circulant.problems.transform import TransformKind

SMALLEST_SCALE = 1e-6  # added to the sum that bounds a, as in the authors' code


class RtfInitialisation(Enum):
    """Of a and b: zeros, or uniform within 1 / sqrt(n) (XAVIER) or 1 / n (MONTEL, stable)."""

    ZEROS = "zeros"
    XAVIER = "xavier"
    MONTEL = "montel"

    def bound(self, order: int) -> float:
        return {"zeros": 0.0, "xavier": order**-0.5, "montel": 1 / order}[self.value]


def require_orders(channels: int, length: int, order: int, groups: int) -> None:
    if not 1 <= order < length:
        raise ArgumentError(f"expected an order from 1 to below length = {length}, got {order}")
    if groups < 1 or channels % groups:
        raise ArgumentError(f"expected groups as a divisor of channels = {channels}, got {groups}")


def bounded_denominator(denominator: Tensor, scale: Tensor) -> Tensor:
    """a / (|a|_1 + |s|): by Montel's bound all poles lie inside the unit circle."""
    return denominator / (denominator.abs().sum(-1) + scale.abs() + SMALLEST_SCALE)[:, None]


def rational_kernel(numerator: Tensor, denominator: Tensor, direct: Tensor, points: int) -> Tensor:
    """Taps (C, points), folded around `points`, of direct + b(z) / a(z); b (C, n), a (groups, n)."""
    channels, order = numerator.shape
    room = points - order - 1
    top = rfft(F.pad(numerator, (1, room)))
    below = rfft(F.pad(F.pad(denominator, (1, 0), value=1.0), (0, room)))
    inverse = conjugate(below) / power(below)[..., None]
    k = irfft(times(top, inverse.repeat_interleave(channels // len(denominator), 0)), points)
    return k + F.pad(direct[:, None], (0, points - 1))


def rational_kernel_cost(channels: int, groups: int, points: int) -> Cost:
    there = transform_cost(TransformKind.RFFT, channels + groups, points)
    return there + transform_cost(TransformKind.RFFT_ADJOINT, channels, points)
