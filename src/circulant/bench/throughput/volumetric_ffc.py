"""Fast Fourier convolution beside torch.fft and torch's convolutions."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.bench.throughput.entry import Throughput
from circulant.operators.spectral.volumetric_ffc import VolumetricFFC3d


def by_fft(module: VolumetricFFC3d, x: Tensor) -> Tensor:
    padded = F.pad(x, (1,) * 6, mode="reflect")
    x_local, x_global = padded.split(module.split, 1)
    y_local, y_global = F.conv3d(x_local, module.from_local).split(
        [len(module.to_local), module.out_channels - len(module.to_local)], 1
    )
    y_local = y_local + F.conv3d(x_global, module.to_local)
    spectral = module.spectral
    u = spectral.norm(spectral.reduce(x[:, module.split[0] :])).relu()
    total = u + _unit(spectral.unit, u)
    if spectral.local_unit is not None:
        rows = torch.cat(u[:, : u.shape[1] // 4].chunk(2, -2), 1)
        done = _unit(spectral.local_unit, torch.cat(rows.chunk(2, -1), 1))
        total = total + done.repeat(1, 1, 1, 2, 2)
    return torch.cat([y_local, y_global + spectral.expand(total)], 1)


def _unit(unit: nn.Module, x: Tensor) -> Tensor:
    z = torch.view_as_real(torch.fft.rfftn(x, dim=(2, 3, 4), norm="ortho"))
    parts = unit.norm(unit.mix(z.movedim(-1, 2).flatten(1, 2))).relu()  # type: ignore[operator]
    spectrum = torch.view_as_complex(parts.unflatten(1, (-1, 2)).movedim(2, -1).contiguous())
    return torch.fft.irfftn(spectrum, s=x.shape[2:], dim=(2, 3, 4), norm="ortho")


ENTRY = Throughput(
    make=lambda shape: VolumetricFFC3d(shape[1]),
    shapes=((2, 32, 8, 16, 16), (1, 64, 16, 48, 48)),
    obvious={"torch.fft and conv3d": by_fft},
    lowered=False,
)
