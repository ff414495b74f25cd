"""Fourier transforms by torch.fft, and by products with cosine and sine matrices."""

import torch
from torch import Tensor

from circulant.backends.torch.spectra import computable
from circulant.problems.transform import TransformKind, TransformProblem


def fft(problem: TransformProblem, x: Tensor) -> Tensor:
    n, kind = problem.n, problem.kind
    values = computable(x).contiguous()
    if kind is TransformKind.RFFT:
        return torch.view_as_real(torch.fft.rfft(values, n)).to(problem.dtype)
    spectrum = torch.view_as_complex(values)
    if kind is TransformKind.FFT:
        return torch.view_as_real(torch.fft.fft(spectrum)).to(problem.dtype)
    if kind is TransformKind.FFT_ADJOINT:
        return torch.view_as_real(torch.fft.ifft(spectrum, norm="forward")).to(problem.dtype)
    # irfft counts the bins that have a mirror image twice
    last_mirrored = (n + 1) // 2
    halved = spectrum.clone()
    halved[..., 1:last_mirrored] *= 0.5
    return torch.fft.irfft(halved, n, norm="forward").to(problem.dtype)


def dft_matrix(problem: TransformProblem, x: Tensor) -> Tensor:
    n, kind = problem.n, problem.kind
    values = computable(x)
    bins = n if kind.is_complex else n // 2 + 1
    # the phase is reduced modulo n in integers, so that large products lose no accuracy
    phase = torch.outer(torch.arange(bins), torch.arange(n)) % n
    angle = (phase.double() * (2 * torch.pi / n)).to(x.device)
    cosine, sine = angle.cos().to(values.dtype), angle.sin().to(values.dtype)
    if kind is TransformKind.RFFT:
        return torch.stack([values @ cosine.T, -(values @ sine.T)], dim=-1).to(problem.dtype)
    real, imaginary = values.unbind(-1)
    if kind is TransformKind.RFFT_ADJOINT:
        return (real @ cosine - imaginary @ sine).to(problem.dtype)
    turned = sine if kind is TransformKind.FFT else -sine
    parts = [real @ cosine + imaginary @ turned, imaginary @ cosine - real @ turned]
    return torch.stack(parts, dim=-1).to(problem.dtype)
