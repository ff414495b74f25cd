"""The grid of numbers that a few bits can hold.

    q = clamp(round(x / step) + zero, lowest, highest),   x^ = step (q - zero)

The range is widened to contain 0 and `zero` is a whole number, so that 0, with which convolutions pad, is
held exactly. Inside the range |x^ - x| <= step / 2; outside, x^ is the range's end, however far x is.

Krishnamoorthi, 2018, Quantizing deep convolutional networks for efficient inference: A whitepaper,
https://arxiv.org/abs/1806.08342.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from circulant.core.errors import ArgumentError, DtypeError


@final
@dataclass(frozen=True, slots=True, eq=False)
class QuantisationGrid:
    """step (), or (O) for one along each entry of the first axis; zero of the same shape, whole numbers."""

    step: Tensor
    zero: Tensor
    lowest: int
    highest: int

    @property
    def dtype(self) -> torch.dtype:
        return torch.uint8 if self.lowest >= 0 else torch.int8

    def range(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The smallest and largest number held, shaped to broadcast against x."""
        step, zero = self._along(x)
        return step * (self.lowest - zero), step * (self.highest - zero)

    def quantise(self, x: Tensor) -> Tensor:
        """Floating point -> `dtype`; halves are rounded to even numbers, as torch does."""
        return self._places(x).to(self.dtype)

    def dequantise(self, q: Tensor) -> Tensor:
        """Whole numbers -> the step's dtype."""
        step, zero = self._along(q)
        return step * (q.to(step.dtype) - zero)

    def nearest(self, x: Tensor) -> Tensor:
        """dequantise(quantise(x)) in the dtype of x."""
        return self.dequantise(self._places(x)).to(x.dtype)

    def _places(self, x: Tensor) -> Tensor:
        if not x.is_floating_point():
            raise DtypeError(f"expected a floating-point tensor to quantise, got {x.dtype}")
        step, zero = self._along(x)
        return ((x / step).round() + zero).clamp(self.lowest, self.highest)

    def _along(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.step.ndim == 0:
            return self.step, self.zero
        shape = (-1, *(1,) * (x.ndim - 1))
        return self.step.reshape(shape), self.zero.reshape(shape)


def affine_grid(low: Tensor, high: Tensor, bits: int = 8) -> QuantisationGrid:
    """2^bits numbers from low to high, both (), widened to contain 0: for activations."""
    _require_bits(bits)
    low, high = low.clamp(max=0), high.clamp(min=0)
    highest = 2**bits - 1
    step = _positive((high - low) / highest)
    return QuantisationGrid(step, (-low / step).round().clamp(0, highest), 0, highest)


def symmetric_grid(weight: Tensor, bits: int = 8, *, per_channel: bool = True) -> QuantisationGrid:
    """2^bits - 1 numbers around 0, as far as the largest weight (O, ...): of all, or of each output channel.

    The lowest of the 2^bits numbers is left out: products of two int8 then never reach 2^14.
    """
    _require_bits(bits)
    highest = 2 ** (bits - 1) - 1
    largest = weight.detach().abs().flatten(1).amax(1) if per_channel else weight.detach().abs().amax()
    step = _positive(largest / highest)
    return QuantisationGrid(step, torch.zeros_like(step), -highest, highest)


def _positive(step: Tensor) -> Tensor:
    """A range of nothing but 0 is held by any step."""
    return torch.where(step > 0, step, 1.0)


def _require_bits(bits: int) -> None:
    if not 2 <= bits <= 8:
        raise ArgumentError(f"expected 2 to 8 bits, got {bits}")
