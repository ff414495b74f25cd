r"""Sums of complex exponentials: the impulse response of a diagonal state-space model.

    k[c, l] = Re sum_s w[c, s] exp(l z[c, s]),   l = 0 .. L - 1

With l = 64 r + j each exponential is a product of one for r and one for j, so that the sum is a matrix
product for each channel, (L / 64, 2 S) by (2 S, 64): no tensor of C S L elements is ever made.
Complex values are pairs of reals. Shapes: w and z (C, S, 2) -> k (C, L).
"""

from contextlib import nullcontext

import torch
from torch import Tensor

from circulant.core.cost import Cost, matmul_cost
from circulant.core.pairs import conjugate, from_polar, times
from circulant.engine.doors import autocasts

BLOCK = 64  # samples: the two factors are of one size for L = 4096


def exponential_sums(weight: Tensor, exponent: Tensor, length: int) -> Tensor:
    """k (C, length) of weight and exponent (C, S, 2); autocast does not touch it."""
    device = exponent.device.type
    with torch.autocast(device, enabled=False) if autocasts(device) else nullcontext():
        rows = (length + BLOCK - 1) // BLOCK
        coarse = times(weight[:, None], _exponentials(exponent, rows, BLOCK))
        fine = conjugate(_exponentials(exponent, BLOCK, 1))
        return (coarse.flatten(2) @ fine.flatten(2).mT).flatten(1)[:, :length]


def _exponentials(exponent: Tensor, count: int, stride: int) -> Tensor:
    """exp(stride m z) for m = 0 .. count - 1 -> (C, count, S, 2)."""
    position = stride * torch.arange(count, device=exponent.device, dtype=exponent.dtype)
    real, imaginary = (exponent[:, None] * position[:, None, None]).unbind(-1)
    return from_polar(real.exp(), imaginary)


def exponential_sums_cost(channels: int, states: int, length: int) -> Cost:
    rows = (length + BLOCK - 1) // BLOCK
    return matmul_cost(rows, 2 * states, BLOCK) * channels
