"""A diagonal state-space model as S4D writes it: all powers of all poles, and torch.fft."""

import torch
from torch import Tensor

from circulant.operators.sequence.diagonal_ssm import DiagonalSsm
from circulant.operators.sequence.discretisation import Discretisation


def plain_kernel(ssm: DiagonalSsm, length: int) -> Tensor:
    """(C, length)"""
    A = torch.complex(-ssm.log_decay.exp(), ssm.frequency)
    B, C = torch.view_as_complex(ssm.input_weight), torch.view_as_complex(ssm.output_weight)
    z = A * ssm.log_step.exp()[:, None]
    if ssm.discretisation is Discretisation.BILINEAR:
        exponent, gain = torch.log((1 + z / 2) / (1 - z / 2)), ssm.log_step.exp()[:, None] / (1 - z / 2)
    else:
        exponent, gain = z, (torch.exp(z) - 1) / A
    powers = torch.exp(exponent[..., None] * torch.arange(length))
    return 2 * torch.einsum("cs,csl->cl", B * C * gain, powers).real


def plain_long_conv(x: Tensor, kernel: Tensor) -> Tensor:
    """Causal: x (B, C, L) with kernel (C, K)."""
    L = x.shape[-1]
    n = L + kernel.shape[-1]
    return torch.fft.irfft(torch.fft.rfft(x, n=n) * torch.fft.rfft(kernel, n=n), n=n)[..., :L]


def plain_diagonal_ssm(ssm: DiagonalSsm, x: Tensor) -> Tensor:
    return plain_long_conv(x, plain_kernel(ssm, x.shape[-1])) + ssm.skip[:, None] * x
