"""Numbers rounded to a grid in the forward pass, so that training meets what integers will compute.

Rounding has no useful derivative: it is taken as 1 inside the range and 0 outside. Weights are measured anew
at each call; the range of activations is a moving average of the extremes of batches in training mode.

Krishnamoorthi, 2018, Quantizing deep convolutional networks for efficient inference: A whitepaper,
https://arxiv.org/abs/1806.08342. The average starts as the plain mean over batches, until the share of a new
one has fallen to 1 - decay; TensorFlow's tool starts at -6 and 6, and forgets them over thousands of batches.
"""

from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.optimise.quantisation_grid import QuantisationGrid, affine_grid, symmetric_grid

DECAY = 0.999  # of the moving averages, as in TensorFlow's tool


def fake_quantise(x: Tensor, grid: QuantisationGrid) -> Tensor:
    """The nearest number of the grid; gradients pass inside its range only."""
    rounded: Tensor = _StraightThrough.apply(x, grid)  # type: ignore[no-untyped-call]
    return rounded


@final
class FakeQuantWeight(nn.Module):
    """Symmetric, on the largest weight of each output channel or of all.  Shapes: (O, ...) -> the same."""

    def __init__(self, bits: int = 8, *, per_channel: bool = True) -> None:
        super().__init__()
        self.bits, self.per_channel = bits, per_channel

    def grid(self, weight: Tensor) -> QuantisationGrid:
        return symmetric_grid(weight, self.bits, per_channel=self.per_channel)

    def forward(self, weight: Tensor) -> Tensor:
        return fake_quantise(weight, self.grid(weight))

    def extra_repr(self) -> str:
        return f"bits={self.bits}, per_channel={self.per_channel}"


@final
class FakeQuant(nn.Module):
    """Of activations: one range for all of x, learnt in training mode.  Shapes: x -> the same."""

    low: Tensor
    high: Tensor
    batches: Tensor

    def __init__(self, bits: int = 8, *, decay: float = DECAY) -> None:
        super().__init__()
        if not 0 <= decay < 1:
            raise ArgumentError(f"expected a decay from 0 to below 1, got {decay}")
        self.bits, self.decay = bits, decay
        self.register_buffer("low", torch.zeros(()))
        self.register_buffer("high", torch.zeros(()))
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))

    @property
    def grid(self) -> QuantisationGrid:
        if not self.batches:
            raise ArgumentError("expected a range, got none: run a batch in training mode first")
        return affine_grid(self.low, self.high, self.bits)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self._observe(x.detach())
        return fake_quantise(x, self.grid)

    def _observe(self, x: Tensor) -> None:
        least, most = x.amin().clamp(max=0), x.amax().clamp(min=0)
        share = max(1 - self.decay, 1 / (int(self.batches) + 1))
        self.low.lerp_(least.to(self.low.dtype), share)
        self.high.lerp_(most.to(self.high.dtype), share)
        self.batches += 1

    def extra_repr(self) -> str:
        return f"bits={self.bits}, decay={self.decay}"


class _StraightThrough(torch.autograd.Function):
    """x, grid -> nearest numbers."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, grid: QuantisationGrid) -> Tensor:
        low, high = grid.range(x)
        ctx.save_for_backward((x >= low) & (x <= high))
        return grid.nearest(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (inside,) = ctx.saved_tensors
        return gradient * inside, None
