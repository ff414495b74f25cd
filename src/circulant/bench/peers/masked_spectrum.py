"""Convolution with the low frequencies of a kernel, by transforms of twice the length."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from circulant.bench.case import Function
from circulant.core.sizes import Shape

Array = Any


def masked(shape: Shape) -> Function:
    """The kernel's spectrum with its high bins set to zero; then as for any long convolution."""
    _, _, length, keep = shape

    def convolved(x: Tensor, kernel: Tensor) -> Tensor:
        mask = torch.arange(length + 1) < keep
        spectrum = torch.fft.rfft(x, n=2 * length) * (torch.fft.rfft(kernel, n=2 * length) * mask)
        return torch.fft.irfft(spectrum, n=2 * length)[..., :length]

    return convolved


def cut(shape: Shape) -> Function:
    """Products of the kept bins only; the transform back adds the zeros."""
    _, _, length, keep = shape

    def convolved(x: Tensor, kernel: Tensor) -> Tensor:
        kept = torch.fft.rfft(x, n=2 * length)[..., :keep] * torch.fft.rfft(kernel, n=2 * length)[..., :keep]
        return torch.fft.irfft(kept, n=2 * length)[..., :length]

    return convolved


def scipy_cut(shape: Shape, threads: int) -> Callable[..., Array]:
    from scipy import fft

    _, _, length, keep = shape

    def convolved(x: Array, kernel: Array) -> Array:
        kept = [fft.rfft(one, 2 * length, workers=threads)[..., :keep] for one in (x, kernel)]
        return fft.irfft(kept[0] * kept[1], 2 * length, workers=threads)[..., :length]

    return convolved
