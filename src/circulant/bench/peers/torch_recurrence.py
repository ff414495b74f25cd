"""Linear recurrences h[l] = a[l] h[l-1] + x[l] in plain torch."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.case import Function
from circulant.core.sizes import Shape


def stepwise(_shape: Shape) -> Function:
    """The equation in a loop over time."""
    return _steps


def doubling(shape: Shape) -> Function:
    """Neighbours are joined, then pairs, then fours: as many passes as the length has binary digits."""
    length = shape[2]

    def joined(a: Tensor, x: Tensor) -> Tensor:
        reach = 1
        while reach < length:
            x = x + a * F.pad(x[..., :-reach], (reach, 0))
            a = a * F.pad(a[..., :-reach], (reach, 0))
            reach *= 2
        return x

    return joined


def chunked(shape: Shape) -> Function:
    """The loop over the steps of all chunks at once, one over the chunks, and what each hands on added."""
    size = max(1, round(shape[2] ** 0.5))

    def looped(a: Tensor, x: Tensor) -> Tensor:
        length, missing = x.shape[-1], -x.shape[-1] % size
        factors = F.pad(a, (0, missing)).unflatten(-1, (-1, size))
        alone = _steps(factors, F.pad(x, (0, missing)).unflatten(-1, (-1, size)))
        passed = factors.cumprod(-1)
        ends = _steps(passed[..., -1], alone[..., -1])
        before = F.pad(ends[..., :-1], (1, 0))
        return (alone + passed * before[..., None]).flatten(-2)[..., :length]

    return looped


def fixed_stepwise(_shape: Shape) -> Function:
    """The loop with a factor (C,) for each channel."""
    return lambda a, x: _steps(a[:, None].expand_as(x), x)


def fixed_by_fft(shape: Shape) -> Function:
    """A convolution with the powers of the factors, by transforms of twice the length."""
    length = shape[2]

    def convolved(a: Tensor, x: Tensor) -> Tensor:
        powers = a[:, None] ** torch.arange(length, dtype=a.dtype)
        spectrum = torch.fft.rfft(x, n=2 * length) * torch.fft.rfft(powers, n=2 * length)
        return torch.fft.irfft(spectrum, n=2 * length)[..., :length]

    return convolved


def _steps(a: Tensor, x: Tensor) -> Tensor:
    """Along the last axis, which may have others of any number before it."""
    state, states = torch.zeros_like(x[..., 0]), []
    for factor, driven in zip(a.unbind(-1), x.unbind(-1)):
        state = factor * state + driven
        states.append(state)
    return torch.stack(states, dim=-1)
