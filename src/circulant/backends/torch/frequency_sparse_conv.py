"""Frequency-sparse long convolution by torch.fft, and by matrix products without the masked rows."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.algorithms.frequency_sparse_conv import sparse_factors
from circulant.backends.torch.monarch_steps import analyse, synthesise
from circulant.backends.torch.monarch_tables import arithmetic_of, sparse_bins, sparse_steps
from circulant.backends.torch.spectra import computable
from circulant.core.pairs import conjugate, real_times
from circulant.core.sizes import Shape
from circulant.problems.frequency_sparse_conv import FrequencySparseConvProblem
from circulant.problems.trilinear import Slot


def fft(problem: FrequencySparseConvProblem, first: Tensor, second: Tensor) -> Tensor:
    p = problem

    # conj_physical: a lazy conjugate is lost where compiled code runs with torch's Conjugate key excluded
    def bins(tensor: Tensor) -> Tensor:
        return torch.fft.rfft(computable(tensor), p.n)[..., : p.keep]

    if p.slot is Slot.OUTPUT:
        spectrum = bins(first) * bins(second)
    elif p.slot is Slot.INPUT:
        spectrum = bins(first) * bins(second).conj_physical()
    else:
        spectrum = (bins(second) * bins(first).conj_physical()).sum(0)
    return torch.fft.irfft(spectrum, p.n)[..., : p.result_shape[-1]].to(p.dtype)


def monarch(
    problem: FrequencySparseConvProblem,
    first: Tensor,
    second: Tensor,
    *,
    factors: Shape | None = None,
    products: torch.dtype | None = None,
) -> Tensor:
    """factors: of n; products: the dtype in which matrices are multiplied; both as in `monarch.long_conv`."""
    p = problem
    chosen = sparse_factors(p.n, p.keep) if factors is None else factors
    arithmetic = arithmetic_of(first, products)
    steps = sparse_steps(chosen, p.keep, arithmetic)
    kept = (sparse_bins(chosen, p.keep).abs() < p.keep).to(arithmetic.device, arithmetic.bins)[:, None]

    def bins(tensor: Tensor) -> Tensor:
        rows = F.pad(tensor, (0, p.n - tensor.shape[-1])).flatten(0, -2)
        return analyse(rows, steps).to(arithmetic.bins).unflatten(0, tensor.shape[:-1])

    if p.slot is Slot.OUTPUT:
        spectrum = real_times(bins(first), bins(second) * kept)
    elif p.slot is Slot.INPUT:
        spectrum = real_times(bins(first), conjugate(bins(second)) * kept)
    else:
        spectrum = real_times(bins(second), conjugate(bins(first))).sum(0) * kept
    samples = synthesise(spectrum.flatten(0, -3), steps).unflatten(0, spectrum.shape[:-2])
    return samples[..., : p.result_shape[-1]].to(p.dtype)
