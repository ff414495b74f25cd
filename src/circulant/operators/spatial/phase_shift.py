"""Kernels moved by fractions of a sample: a phase for each frequency, as a matrix for each example."""

import torch
from torch import Tensor

from circulant.core.errors import ShapeError
from circulant.core.sizes import Shape


def phase_shift_kernel(kernel: Tensor, shift: Tensor) -> Tensor:
    """kernel (..., k_1, .., k_d) moved circularly by shift (B, d), in samples -> (B, ..., k_1, .., k_d).

    The real part of ifftn(exp(-2 pi i sum_a f_a shift_a) fftn(kernel)). Whole shifts roll the kernel. For odd
    sizes shifts add up; for even ones the highest frequency has no sign, and fractions of it are lost.
    """
    ndim = shift.shape[-1]
    if shift.ndim != 2 or kernel.ndim < ndim:
        raise ShapeError(f"expected shift (B, d) of d axes of the kernel, got {tuple(shift.shape)}")
    lead, sizes = kernel.shape[: kernel.ndim - ndim], tuple(kernel.shape[kernel.ndim - ndim :])
    matrix = shift_matrix(shift, sizes, tuple((0, k) for k in sizes))
    moved = kernel.reshape(-1, matrix.shape[-1]) @ matrix.mT
    return moved.reshape(shift.shape[0], *lead, *sizes)


def shift_matrix(shift: Tensor, sizes: Shape, rows: tuple[Shape, ...]) -> Tensor:
    """shift (B, d) -> (B, rows, product(sizes)), that move a flat kernel; rows (first, end) of an axis."""
    real = shift.new_ones(shift.shape[0], 1, 1)
    imaginary: Tensor | None = None
    for axis, (size, (first, end)) in enumerate(zip(sizes, rows)):
        index = torch.arange(size, device=shift.device)
        distance = (index[first:end, None] - index).to(shift.dtype) - shift[:, axis, None, None]
        frequency = ((index + size // 2) % size - size // 2).to(shift.dtype) / size
        angle = 2 * torch.pi * distance.unsqueeze(-1) * frequency
        cosine = angle.cos().mean(-1)
        if size % 2:  # frequencies come in pairs, and what is imaginary cancels
            real = _kron(real, cosine)
            imaginary = None if imaginary is None else _kron(imaginary, cosine)
            continue
        sine = angle.sin().mean(-1)
        of_real = _kron(real, sine)
        if imaginary is None:
            real, imaginary = _kron(real, cosine), of_real
        else:
            real, imaginary = _kron(real, cosine) - _kron(imaginary, sine), of_real + _kron(imaginary, cosine)
    return real


def _kron(first: Tensor, second: Tensor) -> Tensor:
    """(B, m, n) and (B, p, q) -> (B, m p, n q)."""
    return (first[:, :, None, :, None] * second[:, None, :, None, :]).flatten(3, 4).flatten(1, 2)
