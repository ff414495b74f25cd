"""A norm that weighs errors of a field by their frequency: a residual counts as much as what it causes."""

from math import pi
from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.core.pairs import power
from circulant.engine.transform import fftn

SHIFT = 0.1  # alpha: keeps the mean of the field finite


@final
class NegativeSobolevLoss(nn.Module):
    """The norm of H^order on a periodic square, of the difference of two fields or of one.

        |r|^2 = sum_k (alpha + |2 pi k / side|^2)^order |r_k|^2,   r_k the mean of r exp(-2 pi i k x / side)

    With order -1 it is |r|^2 = mean(r phi) where (alpha - lap) phi = r: for the residual of a differential
    equation of second order, the size of the error rather than of its second derivative.
    Shapes: found, wanted (B, T, H, W) -> the mean over examples of the root mean square over T, a scalar.
    """

    def __init__(self, order: float = -1.0, *, alpha: float = SHIFT, side: float = 1.0) -> None:
        super().__init__()
        if alpha <= 0 or side <= 0:
            raise ArgumentError(f"expected alpha and side above 0, got {alpha} and {side}")
        self.order, self.alpha, self.side = order, alpha, side

    def forward(self, found: Tensor, wanted: Tensor | None = None) -> Tensor:
        difference = found if wanted is None else found - wanted
        return self.square(difference).flatten(1).mean(1).sqrt().mean()

    def square(self, field: Tensor) -> Tensor:
        """|r|^2 of each field (.., H, W) -> (..)."""
        H, W = field.shape[-2:]
        spectrum = fftn(torch.stack([field, torch.zeros_like(field)], -1) / (H * W), 2)
        like: Any = {"dtype": field.dtype, "device": field.device}
        down, right = (2 * pi * torch.fft.fftfreq(n, self.side / n, **like) for n in (H, W))
        weight = (self.alpha + down[:, None].square() + right.square()) ** self.order
        return (weight * power(spectrum)).sum((-2, -1))
