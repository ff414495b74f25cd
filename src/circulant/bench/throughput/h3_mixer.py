"""H3Mixer beside torch.fft, as its authors write it without their kernel."""

import torch
from torch import Tensor

from circulant.bench.plain_diagonal_ssm import plain_kernel, plain_long_conv
from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.h3_mixer import H3Mixer


def _plain(module: H3Mixer, x: Tensor) -> Tensor:
    d, shift, memory = module.head_channels, module.shift, module.memory
    rows = x.transpose(1, 2)
    q, k, v = (project(rows).transpose(1, 2) for project in (module.query, module.key, module.value))
    n = 2 * shift.states
    spectra = [torch.fft.rfft(weight, n=n) for weight in (shift.input_weight, shift.output_weight)]
    taps = torch.fft.irfft(spectra[0].conj() * spectra[1], n=n)[:, : shift.states]
    k = plain_long_conv(k, taps) + shift.skip[:, None] * k
    q, k, v = (part.unflatten(1, (-1, d)) for part in (q, k, v))
    made = k[:, :, :, None] * v[:, :, None]  # (B, heads, d, d, L)
    kernel = plain_kernel(memory, x.shape[-1])[:, None, None]
    z = plain_long_conv(made, kernel) + memory.skip[:, None, None, None] * made
    y = (q[:, :, :, None] * z).sum(2).flatten(1, 2)
    return module.output(y.transpose(1, 2)).transpose(1, 2)


ENTRY = Throughput(
    make=lambda shape: H3Mixer(shape[1]),
    shapes=((8, 64, 1024), (2, 96, 2048)),
    obvious={"torch.fft": _plain},
    lowered=False,
)
