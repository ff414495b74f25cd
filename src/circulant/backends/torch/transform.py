"""Fourier and cosine transforms by torch.fft, and by products with cosine and sine matrices."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from circulant.backends.torch.spectra import computable
from circulant.core.waves import waves
from circulant.problems.transform import TransformKind, TransformProblem


def fft(problem: TransformProblem, x: Tensor) -> Tensor:
    kind, axes = problem.kind, tuple(range(1, 1 + len(problem.sizes)))
    values = computable(x)
    if kind.is_cosine:
        return _along_axes(values, _dct if kind is TransformKind.COSINE else _idct).to(problem.dtype)
    values = values.contiguous()
    norm = "ortho" if problem.orthonormal else "forward" if kind.is_normalised else "backward"
    if kind in (TransformKind.RFFT, TransformKind.IRFFT_ADJOINT):
        spectrum = torch.view_as_real(torch.fft.rfftn(values, dim=axes, norm=norm))
        if kind.counts_mirror_images:
            spectrum[..., _mirrored(problem), :] *= 2
        return spectrum.to(problem.dtype)
    bins = torch.view_as_complex(values)
    if kind in (TransformKind.FFT, TransformKind.IFFT_ADJOINT):
        return torch.view_as_real(torch.fft.fftn(bins, dim=axes, norm=norm)).to(problem.dtype)
    norm = "ortho" if problem.orthonormal else "backward" if kind.is_normalised else "forward"
    if kind.is_complex:
        return torch.view_as_real(torch.fft.ifftn(bins, dim=axes, norm=norm)).to(problem.dtype)
    if not kind.counts_mirror_images:  # irfftn does
        bins = bins.clone()
        bins[..., _mirrored(problem)] *= 0.5
    return torch.fft.irfftn(bins, problem.sizes, dim=axes, norm=norm).to(problem.dtype)


def _mirrored(problem: TransformProblem) -> slice:
    """Bins with a mirror image along the last axis."""
    return slice(1, (problem.sizes[-1] + 1) // 2)


def _along_axes(x: Tensor, apply: Callable[[Tensor], Tensor]) -> Tensor:
    """A map of the last axis, over every axis but the first."""
    for axis in range(x.ndim - 1, 0, -1):
        x = apply(x.movedim(axis, -1)).movedim(-1, axis)
    return x.contiguous()


def _dct(x: Tensor) -> Tensor:
    """Makhoul's: the even samples, then the odd ones backwards, have a Fourier transform of equal length."""
    n = x.shape[-1]
    spectrum = torch.fft.rfft(torch.cat([x[..., ::2], x[..., 1::2].flip(-1)], -1)) * _turns(n, -1, x)
    return torch.cat([spectrum.real, -spectrum.imag[..., 1 : (n + 1) // 2].flip(-1)], -1)


def _idct(coefficients: Tensor) -> Tensor:
    n = coefficients.shape[-1]
    half = coefficients[..., : n // 2 + 1]
    mirrored = torch.zeros_like(half)
    mirrored[..., 1:] = -coefficients[..., n - n // 2 :].flip(-1)
    spectrum = torch.complex(half, mirrored) * _turns(n, 1, coefficients)
    shuffled = torch.fft.irfft(spectrum, n, norm="forward")
    x = torch.empty_like(coefficients, memory_format=torch.contiguous_format)
    x[..., ::2] = shuffled[..., : (n + 1) // 2]
    x[..., 1::2] = shuffled[..., (n + 1) // 2 :].flip(-1)
    return x


def _turns(n: int, sign: int, like: Tensor) -> Tensor:
    """Pair by pair, exp(sign i pi k / 2 n) with what makes the transform orthonormal, k = 0 .. n // 2.

    Half as much for a spectrum that irfft counts twice.
    """
    k = torch.arange(n // 2 + 1, dtype=torch.float64)
    size = torch.sqrt((1 + (k > 0).double()) / n)
    if sign > 0:
        size /= 1 + (k > 0).double()
    return torch.polar(size, sign * k * (torch.pi / (2 * n))).to(like.device, like.dtype.to_complex())


def dft_matrix(problem: TransformProblem, x: Tensor) -> Tensor:
    kind, values = problem.kind, computable(x)
    if kind.is_cosine:
        forward = kind is TransformKind.COSINE
        return _along_axes(values, partial(_dct_product, forward=forward)).to(problem.dtype)
    others = len(problem.sizes) - 1
    if kind in (TransformKind.RFFT, TransformKind.IRFFT_ADJOINT):
        cosine, sine = waves(problem.sizes[-1], torch.arange(problem.sizes[-1] // 2 + 1), values)
        spectrum = torch.stack([values @ cosine.T, -(values @ sine.T)], -1)
        return _weighted(problem, _turned(spectrum, 1, others, sign=1)).to(problem.dtype)
    if kind.takes_half_spectrum:
        spectrum = _turned(_weighted(problem, values), 1, others, sign=-1)
        real, imaginary = spectrum.unbind(-1)
        cosine, sine = waves(problem.sizes[-1], torch.arange(problem.sizes[-1] // 2 + 1), values)
        return (real @ cosine - imaginary @ sine).to(problem.dtype)
    sign = 1 if kind in (TransformKind.FFT, TransformKind.IFFT_ADJOINT) else -1
    return _weighted(problem, _turned(values, 1, others + 1, sign)).to(problem.dtype)


def _weighted(problem: TransformProblem, spectrum: Tensor) -> Tensor:
    """Bins times what they count."""
    if problem.scale == 1 and not problem.kind.counts_mirror_images:
        return spectrum
    weight = spectrum.new_full((spectrum.shape[-2], 1), problem.scale)
    if problem.kind.counts_mirror_images:
        weight[_mirrored(problem)] *= 2
    return spectrum * weight


def _dct_product(x: Tensor, forward: bool) -> Tensor:
    n = x.shape[-1]
    k, j = torch.arange(n), torch.arange(n)
    phase = torch.outer(k, 2 * j + 1) % (4 * n)
    cosine = (
        torch.cos(phase.double() * (torch.pi / (2 * n))) * torch.sqrt((1 + (k > 0).double()) / n)[:, None]
    )
    matrix = cosine.to(x.device, x.dtype)
    return x @ (matrix.T if forward else matrix)


def _turned(z: Tensor, first: int, axes: int, sign: int) -> Tensor:
    """Pairs z, complex transforms of as many axes from the first on."""
    real, imaginary = z.unbind(-1)
    for axis in range(first, first + axes):
        a, b = real.movedim(axis, -1), imaginary.movedim(axis, -1)
        cosine, sine = waves(a.shape[-1], torch.arange(a.shape[-1]), z)
        turned = sign * sine
        pair = a @ cosine + b @ turned, b @ cosine - a @ turned
        real, imaginary = (part.movedim(-1, axis) for part in pair)
    return torch.stack([real, imaginary], -1)
