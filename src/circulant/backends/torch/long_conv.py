"""Long convolution as a depthwise convolution with the flipped kernel."""

from collections.abc import Callable

import torch
from torch import Tensor

from circulant.backends.torch import convolution, spectra
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.trilinear import Slot

Solver = Callable[[ConvolutionProblem, Tensor, Tensor], Tensor]


def direct(problem: LongConvProblem, first: Tensor, second: Tensor) -> Tensor:
    return _as_depthwise(convolution.direct, problem, first, second)


def overlap_save(problem: LongConvProblem, first: Tensor, second: Tensor) -> Tensor:
    return _as_depthwise(spectra.overlap_save, problem, first, second)


def _as_depthwise(solve: Solver, problem: LongConvProblem, first: Tensor, second: Tensor) -> Tensor:
    p, inner = problem, problem.as_convolution()
    wrapped = p.kernel - 1 if p.circular else 0
    if p.slot is Slot.OUTPUT:
        return solve(inner, _wrap_before(first, wrapped), _as_weight(second))
    if p.slot is Slot.KERNEL:
        return solve(inner, _wrap_before(first, wrapped), second)[:, 0].flip(-1)
    padded = solve(inner, first, _as_weight(second))
    if not wrapped:
        return padded
    x = padded[..., wrapped:].clone()
    x[..., p.length - wrapped :] += padded[..., :wrapped]
    return x


def _as_weight(kernel: Tensor) -> Tensor:
    return kernel.flip(-1)[:, None]


def _wrap_before(x: Tensor, samples: int) -> Tensor:
    return torch.cat([x[..., x.shape[-1] - samples :], x], dim=-1) if samples else x
