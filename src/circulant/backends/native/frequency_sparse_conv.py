"""Frequency-sparse long convolution as a long convolution with what the kept frequencies leave of the kernel.

Masked, a kernel has taps at every lag, of both signs: 2 L - 1 of them meet a row of L samples.
"""

import torch
from torch import Tensor

from circulant.backends.native import long_conv
from circulant.problems.frequency_sparse_conv import FrequencySparseConvProblem
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.trilinear import Slot


def solve(problem: FrequencySparseConvProblem, first: Tensor, second: Tensor) -> Tensor:
    """The problem's slot from its two operands; half precision is computed in float32."""
    p, dtype = problem, torch.promote_types(problem.dtype, torch.float32)
    first, second = first.to(dtype), second.to(dtype)
    dense = LongConvProblem(
        dtype, p.slot, p.batch, p.channels, p.length, 2 * p.length - 1, p.length - 1, False
    )
    lags = torch.arange(1 - p.length, p.length) % p.n
    if p.slot is Slot.KERNEL:
        of_lags = long_conv.solve(dense, first, second)
        periodic = of_lags.new_zeros(p.channels, p.n).index_add_(1, lags, of_lags)
        return _kept(p, periodic)[:, : p.kernel].to(p.dtype)
    return long_conv.solve(dense, first, _kept(p, second)[:, lags]).to(p.dtype)


def _kept(problem: FrequencySparseConvProblem, kernel: Tensor) -> Tensor:
    """kernel (C, up to n) -> (C, n) without the bins from `keep` on; its own adjoint."""
    return torch.fft.irfft(torch.fft.rfft(kernel, problem.n)[:, : problem.keep], problem.n)
