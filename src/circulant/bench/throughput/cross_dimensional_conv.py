"""Slices of phase-shifted kernels beside torch.fft and one grouped F.conv2d."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.spatial.cross_dimensional_conv import CrossDimensionalConv


def _make(shape: Shape) -> CrossDimensionalConv:
    return CrossDimensionalConv(shape[1], shape[1], 3, padding=1)


def _torch_fft(module: CrossDimensionalConv, x: Tensor) -> Tensor:
    B, C, H, W = x.shape
    K = module.weight.shape[-1]
    axis, theta = module.look(x)
    f = torch.fft.fftfreq(K, device=x.device, dtype=x.dtype)
    grid = torch.stack(torch.meshgrid(f, f, f, indexing="ij"), -1)
    nx, ny, nz = axis.unbind(1)
    zero = torch.zeros_like(nx)
    skew = torch.stack([zero, -nz, ny, nz, zero, -nx, -ny, nx, zero], 1).view(B, 3, 3)
    turned = torch.eye(3) + theta[:, None, None] * skew
    phase = torch.exp(-2j * torch.pi * torch.einsum("xyzj,bij->bxyz", grid, turned))
    spectrum = torch.fft.fftn(module.weight, dim=(-3, -2, -1)) * phase[:, None, None]
    kernels = torch.fft.ifftn(spectrum, dim=(-3, -2, -1)).real[:, :, :, K // 2]
    y = F.conv2d(x.reshape(1, -1, H, W), kernels.flatten(0, 1), padding=1, groups=B)
    return y.view(B, C, H, W)


ENTRY = Throughput(
    make=_make,
    shapes=((4, 32, 32, 32), (4, 64, 64, 64)),
    obvious={"torch.fft": _torch_fft},
    lowered=False,
)
