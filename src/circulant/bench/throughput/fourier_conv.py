"""Fourier convolution beside torch.fft with complex weights and torch's own convolution."""

import torch
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spectral.fourier_conv import FourierConv2d


def by_fft(module: FourierConv2d, x: Tensor) -> Tensor:
    m_1, m_2 = module.spectral.modes
    weight = torch.view_as_complex(module.spectral.weight)
    spectrum = torch.fft.rfft2(x)
    out = torch.zeros(len(x), module.out_channels, *spectrum.shape[2:], dtype=spectrum.dtype, device=x.device)
    for rows in (slice(None, m_1), slice(-m_1, None)):
        kept = (..., rows, slice(None, m_2))
        out[kept] = torch.einsum("bihw,iohw->bohw", spectrum[kept], weight[:, :, rows])
    y = torch.fft.irfft2(out, s=x.shape[2:])
    return y if module.local is None else y + module.local(x)


ENTRY = Throughput(
    make=lambda shape: FourierConv2d(shape[1], shape[1], 8),
    shapes=((4, 32, 32, 32), (8, 64, 112, 112)),
    obvious={"torch.fft and conv2d": by_fft},
    lowered=False,
)
