"""Spectral convolution over space and time beside torch.fft with complex weights."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spectral.spatiotemporal_spectral_conv3d import (
    BIAS_STRENGTH,
    SpatiotemporalSpectralConv3d,
)


def by_fft(module: SpatiotemporalSpectralConv3d, x: Tensor) -> Tensor:
    m_1, m_2, m_3 = module.modes
    weight = torch.view_as_complex(module.weight)
    T = x.shape[-1]
    spectrum = torch.fft.rfftn(F.pad(x, (T, 0)), dim=(2, 3, 4), norm="forward")
    shape = (len(x), module.out_channels, *spectrum.shape[2:])
    out = torch.zeros(shape, dtype=spectrum.dtype, device=x.device)
    for rows in (slice(None, m_1), slice(-m_1, None)):
        for columns in (slice(None, m_2), slice(-m_2, None)):
            kept = (..., rows, columns, slice(None, m_3))
            corner = torch.einsum("bixyt,ioxyt->boxyt", spectrum[kept], weight[:, :, rows, columns])
            if module.bias is not None:
                corner = corner + BIAS_STRENGTH * torch.view_as_complex(module.bias)[rows, columns]
            out[kept] = corner
    y = torch.fft.irfftn(out, s=(*x.shape[2:4], 2 * T), dim=(2, 3, 4), norm="forward")
    return y[..., T:]


ENTRY = Throughput(
    make=lambda shape: SpatiotemporalSpectralConv3d(shape[1], shape[1], (6, 6, 4), pad_time=True),
    shapes=((2, 8, 32, 32, 8), (4, 20, 64, 64, 10)),
    obvious={"torch.fft": by_fft},
    lowered=False,
)
