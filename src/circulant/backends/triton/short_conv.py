"""Depthwise convolution of series with up to eight taps, as sequence models have before their mixers.

Output and input gradient, any dilation and zero padding, stride 1; causal with padding (K - 1, 0).
"""

import torch
from torch import Tensor

from circulant.backends.triton.launch import Operand, accumulator, contiguous, launch
from circulant.backends.triton.tile import tile_of
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.trilinear import Slot

MOST_TAPS = 8  # each is a load and a product of its own in the code


def takes(problem: ConvolutionProblem) -> bool:
    is_short = problem.ndim == 1 and problem.kernel[0] <= MOST_TAPS and problem.stride == (1,)
    return is_short and problem.slot is not Slot.KERNEL


def solve(problem: ConvolutionProblem, first: Tensor, second: Tensor) -> Tensor:
    """A correlation with the taps for the output, with the taps mirrored for the input gradient."""
    from circulant.backends.triton.kernels import short

    p, forward = problem, problem.slot is Slot.OUTPUT
    source, weight = contiguous(
        p.dtype,
        Operand("x" if forward else "the output's gradient", first, p.operand_shapes[0]),
        Operand("weight", second, p.weight_shape),
    )
    result = torch.empty(p.result_shape, dtype=p.dtype, device=source.device)
    (taps,), (dilation,), ((before, _),) = p.kernel, p.dilation, p.padding
    origin, step = (-before, dilation) if forward else (before, -dilation)
    copies = p.out_channels // p.in_channels
    shares, sums = (copies, 1) if forward else (1, copies)
    B, C, L = result.shape
    tile = tile_of(B * C, L)
    launch(
        short.correlate, tile.grid, source, source, weight, result, source.shape[2], L, origin, step,
        shares, sums, p.out_channels, B * C, TAPS=taps, ROWS=tile.rows, BLOCK=tile.samples,
        ADD=accumulator(p.dtype),
    )  # fmt: skip
    return result
