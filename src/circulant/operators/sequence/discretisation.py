"""From a differential equation to a recurrence: the two rules that diagonal state-space models use."""

from dataclasses import dataclass
from enum import Enum
from typing import final

import torch
from torch import Tensor

from circulant.core.pairs import conjugate, from_polar, power, times
from circulant.engine.exponential_sums import exponential_sums


class Discretisation(Enum):
    """ZERO_ORDER_HOLD: the input is constant during a step. BILINEAR: the trapezoidal rule."""

    ZERO_ORDER_HOLD = "zero-order hold"
    BILINEAR = "bilinear"


@final
@dataclass(frozen=True, slots=True)
class Discrete:
    """h_l = exp(exponent) h_{l-1} + gain u_l, y_l = Re sum_s readout h_l; all (C, S, 2)."""

    exponent: Tensor
    gain: Tensor
    readout: Tensor

    @property
    def factor(self) -> Tensor:
        real, imaginary = self.exponent.unbind(-1)
        return from_polar(real.exp(), imaginary)

    def impulse_response(self, length: int) -> Tensor:
        """(C, length)"""
        return exponential_sums(times(self.readout, self.gain), self.exponent, length)


def discretise(A: Tensor, B: Tensor, C: Tensor, step: Tensor, rule: Discretisation) -> Discrete:
    """h' = A h + B u, y = 2 Re(C h), sampled every `step` (C) seconds; A, B and C (C, S, 2), Re A below 0."""
    step = step[:, None, None]
    hold = rule is Discretisation.ZERO_ORDER_HOLD
    exponent, gain = zero_order_hold(A, step) if hold else _bilinear(A, step)
    return Discrete(exponent, times(gain, B), 2 * C)


def zero_order_hold(A: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
    """exp(dt A) and (exp(dt A) - 1) / A, the difference without cancellation where dt A is small."""
    exponent = step * A
    real, imaginary = exponent.unbind(-1)
    half = torch.sin(imaginary / 2)
    grown = torch.stack(
        [torch.expm1(real) * imaginary.cos() - 2 * half * half, real.exp() * imaginary.sin()], -1
    )
    return exponent, times(grown, _reciprocal(A))


def _bilinear(A: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
    """(1 + z) / (1 - z) and dt / (1 - z) with z = dt A / 2."""
    z = step * A / 2
    real, imaginary = z.unbind(-1)
    below = torch.stack([1 - real, -imaginary], -1)
    size = torch.log1p(4 * real / power(below)) / 2
    angle = torch.atan2(2 * imaginary, 1 - power(z))
    return torch.stack([size, angle], -1), step * _reciprocal(below)


def _reciprocal(z: Tensor) -> Tensor:
    return conjugate(z) / power(z)[..., None]
