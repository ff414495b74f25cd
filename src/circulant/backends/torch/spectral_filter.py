"""Spectral filters by torch.fft."""

import torch
from torch import Tensor

from circulant.backends.torch.spectra import computable
from circulant.core.sizes import product
from circulant.problems.spectral_filter import SpectralFilterProblem
from circulant.problems.trilinear import Slot


def fft(problem: SpectralFilterProblem, first: Tensor, second: Tensor) -> Tensor:
    """Of gains that are their own mirror images only what a real signal has counts, there and back."""
    p, axes = problem, tuple(range(-len(problem.sizes), 0))
    bins = torch.fft.rfftn(computable(first), dim=axes)
    if p.slot is Slot.KERNEL:
        change = torch.fft.rfftn(computable(second), dim=axes)
        product_of_bins = (change * bins.conj_physical()).sum((0, 1) if p.shared else 0)
        gradient = torch.view_as_real(product_of_bins).reshape(p.gain_shape) / product(p.sizes)
        gradient[..., 1 : (p.sizes[-1] + 1) // 2, :] *= 2  # bins that stand for their mirror image too
        return gradient.to(p.dtype)
    gains = torch.view_as_complex(computable(second).contiguous())
    bins = bins * (gains if p.slot is Slot.OUTPUT else gains.conj_physical())
    return torch.fft.irfftn(bins, p.sizes, dim=axes).to(p.dtype)
