"""The lowest frequencies of real signals by torch.fft and a cut, and by products with waves."""

import torch
from torch import Tensor

from circulant.backends.torch import transform
from circulant.backends.torch.spectra import computable
from circulant.core.corners import among_zeros, cut
from circulant.core.waves import waves
from circulant.problems.low_frequencies import LowFrequenciesProblem


def fft(problem: LowFrequenciesProblem, x: Tensor) -> Tensor:
    p = problem
    if p.kind.takes_half_spectrum:
        x = torch.nn.functional.pad(
            among_zeros(x, p.modes, p.sizes), (0, 0, 0, p.sizes[-1] // 2 + 1 - p.modes[-1])
        )
        return transform.fft(p.whole, x)
    return cut(transform.fft(p.whole, x).narrow(-2, 0, p.modes[-1]), p.modes, p.sizes)


def wave_products(problem: LowFrequenciesProblem, x: Tensor) -> Tensor:
    p, values = problem, computable(x)
    n, last = p.sizes[-1], torch.arange(p.modes[-1])
    cosine, sine = waves(n, last, values)
    weight = values.new_full((len(last), 1), p.whole.scale)
    if p.kind.counts_mirror_images:
        weight[(2 * last % n != 0).to(values.device)] *= 2
    matrix = torch.stack([weight * cosine, -weight * sine], 1).flatten(0, 1)  # real and imaginary in turn
    inner = len(p.sizes) - 1
    if p.kind.takes_half_spectrum:
        for axis in range(inner):
            values = _turned(values, axis + 1, p.sizes[axis], _both_ends(p, axis), sign=-1)
        return (values.flatten(-2) @ matrix).to(p.dtype)
    values = (values @ matrix.T).unflatten(-1, (len(last), 2))
    for axis in reversed(range(inner)):
        values = _turned(values, axis + 1, p.sizes[axis], _both_ends(p, axis), sign=1)
    return values.to(p.dtype)


def _both_ends(problem: LowFrequenciesProblem, axis: int) -> Tensor:
    m, n = problem.modes[axis], problem.sizes[axis]
    return torch.cat([torch.arange(m), torch.arange(n - m, n)])


def _turned(z: Tensor, axis: int, n: int, frequencies: Tensor, sign: int) -> Tensor:
    """Pairs z, the axis of n samples to those frequencies (sign 1), or of those to n samples (sign -1)."""
    cosine, sine = waves(n, frequencies, z)
    if sign < 0:
        cosine, sine = cosine.T, sine.T
    flat = z.flatten(0, axis - 1).flatten(2)
    both = (torch.cat([cosine, sine]) @ flat).unflatten(2, (-1, 2))
    real, turned = both.chunk(2, 1)
    a, b = turned.unbind(-1)
    # times exp(-+ i angle): the sine's share of one part goes to the other
    result = real + torch.stack([sign * b, -sign * a], -1)
    return result.reshape(*z.shape[:axis], -1, *z.shape[axis + 1 :])
