r"""Rational transfer functions as recurrences: companion form, for decoding.

    H(z) = d + (c_1 z^-1 + .. + c_n z^-n) / (1 + a_1 z^-1 + .. + a_n z^-n)
    w_l = x_l - sum_j a_j w_{l-j},   y_l = d x_l + sum_j c_j w_{l-j}

The state are the last n values of w, the latest first: the companion matrix A moves them on by one. A system
cut off at length N has the numerator c (I - A^N): at N frequencies its spectrum is that of N taps alone.
Shapes: x (B, C, L) -> y (B, C, L); a and c (C, n), d (C), state (B, C, n).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.core.cost import ZERO_COST, Cost, matmul_cost
from circulant.core.errors import ShapeError
from circulant.engine.long_conv import long_conv

BLOCK = 64  # samples solved at once: a triangle of 64 x 64 for each channel


def companion_matrix(denominator: Tensor) -> Tensor:
    """A (C, n, n) of a (C, n): -a in the first row, ones below the diagonal."""
    n = denominator.shape[-1]
    moved = torch.eye(n - 1, n, dtype=denominator.dtype, device=denominator.device)
    return torch.cat([-denominator[:, None], moved.expand(len(denominator), -1, -1)], 1)


def truncated_numerator(numerator: Tensor, denominator: Tensor, length: int) -> Tensor:
    """c (I - A^length) (C, n): what the system's first `length` taps alone have as numerator."""
    row, power = numerator[:, None], companion_matrix(denominator)
    while length > 0:
        row = row @ power if length % 2 else row
        length //= 2
        power = power @ power if length else power
    return numerator - row[:, 0]


def truncated_numerator_cost(channels: int, order: int, length: int) -> Cost:
    squared, multiplied = length.bit_length() - 1, length.bit_count()
    once = matmul_cost(order, order, order) * squared + matmul_cost(1, order, order) * multiplied
    return once * channels if length else ZERO_COST


def companion_numerator(kernel: Tensor, denominator: Tensor) -> Tensor:
    """c (C, n) of the recurrence whose taps 1 .. n are those of kernel (C, more than n)."""
    n = denominator.shape[-1]
    if kernel.shape[-1] <= n:
        raise ShapeError(f"expected a kernel of more than n = {n} taps, got {kernel.shape[-1]}")
    delayed = F.pad(denominator[:, : n - 1], (1, 0))
    taps = kernel[:, 1 : n + 1]
    return taps + long_conv(taps[None], delayed)[0]


def companion_decode(
    x: Tensor, numerator: Tensor, denominator: Tensor, direct: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """y (B, C, L) of x after state, and the state after the last sample."""
    n = denominator.shape[-1]
    past = state.flip(-1)
    for block in x.split(BLOCK, dim=-1):
        past = torch.cat([past, _solved(block, denominator, past)], -1)
    y = long_conv(past, F.pad(numerator, (1, 0)))[..., n:]
    return y + direct[:, None] * x, past[..., past.shape[-1] - n :].flip(-1)


def _solved(block: Tensor, denominator: Tensor, past: Tensor) -> Tensor:
    """w of a block, from the values before it: what they add is known, the rest is a unit triangle."""
    n, length = denominator.shape[-1], block.shape[-1]
    recent = past[..., past.shape[-1] - n :]
    known = long_conv(F.pad(recent, (0, length)), F.pad(denominator, (1, 0)))[..., n:]
    triangle = _toeplitz(F.pad(denominator, (1, 0)), length)
    right = (block - known).permute(1, 2, 0)
    return torch.linalg.solve_triangular(triangle, right, upper=False, unitriangular=True).permute(2, 0, 1)


def _toeplitz(taps: Tensor, length: int) -> Tensor:
    """taps (C, K) -> (C, length, length) with taps[i - j] below the diagonal and zeros above."""
    padded = F.pad(taps[:, :length], (0, max(length - taps.shape[-1], 0)))
    position = torch.arange(length, device=taps.device)
    lag = position[:, None] - position
    return padded[:, lag.clamp(min=0)] * (lag >= 0)
