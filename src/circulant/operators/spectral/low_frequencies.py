"""The corners of a half spectrum in which the lowest frequencies lie."""

import torch
from torch import Tensor

from circulant.core.sizes import Shape


def low_frequencies(spectrum: Tensor, modes: Shape) -> Tensor:
    """Pairs (.., *bins, 2) of a real transform -> those kept (.., 2 m_1, .., m_d, 2)."""
    first = spectrum.ndim - 1 - len(modes)
    spectrum = spectrum.narrow(-2, 0, modes[-1])
    for axis, m in enumerate(modes[:-1], first):
        ends = spectrum.narrow(axis, 0, m), spectrum.narrow(axis, spectrum.shape[axis] - m, m)
        spectrum = torch.cat(ends, axis)
    return spectrum


def among_zeros(kept: Tensor, modes: Shape, sizes: Shape) -> Tensor:
    """The adjoint of `low_frequencies`, for grids of those sizes."""
    first = kept.ndim - 1 - len(modes)
    for axis, (m, n) in enumerate(zip(modes[:-1], sizes), first):
        gap = kept.new_zeros(*kept.shape[:axis], n - 2 * m, *kept.shape[axis + 1 :])
        kept = torch.cat([kept.narrow(axis, 0, m), gap, kept.narrow(axis, m, m)], axis)
    above = kept.new_zeros(*kept.shape[:-2], sizes[-1] // 2 + 1 - modes[-1], 2)
    return torch.cat([kept, above], -2)
