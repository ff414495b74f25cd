"""Sampled convolution by gathering corners. Differentiable code: any order of derivative.

All taps are gathered at once, which takes the memory of as many copies of the input: a loop over them
would take less, but give compilers a graph of thousands of nodes.
"""

from itertools import product as index_product
from typing import Any

import torch
from torch import Tensor

from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.sampled_conv import SampledConvProblem, SampledResult


def direct(problem: SampledConvProblem, *operands: Tensor) -> Tensor:
    if problem.result is SampledResult.OUTPUT:
        return _output(problem, *operands)
    *leaves, g = operands
    pulled: Any = torch.func.vjp(lambda *own: _output(problem, *own), *leaves)
    return torch.cat([gradient.flatten() for gradient in pulled[1](g)])


def _output(problem: SampledConvProblem, x: Tensor, offset: Tensor, modulation: Tensor) -> Tensor:
    window = problem.window
    flat = x.unflatten(1, (problem.groups, -1)).flatten(3)
    moves, weights = offset.flatten(4), modulation.flatten(3)  # outputs in a row, on one axis
    # far outside counts as one sample outside: the value is zero and the index stays an integer
    place = [
        (start + moves[:, :, :, axis]).clamp(-1, size)
        for axis, (start, size) in enumerate(zip(_grid(window, x), window.spatial))
    ]
    # a place that is no number reads at the border: its shares are no numbers either, and tell so
    floors = [at.detach().nan_to_num(nan=-1.0).floor() for at in place]
    y = x.new_zeros(())
    for corner in index_product((0, 1), repeat=window.ndim):
        index = torch.zeros_like(floors[0], dtype=torch.long)
        share = weights
        for at, floor, step, size in zip(place, floors, corner, window.spatial):
            i, way = floor + step, at - floor
            share = share * (way if step else 1 - way) * ((i >= 0) & (i < size))
            index = index * size + i.clamp(0, size - 1).long()
        picked = index.flatten(2)[:, :, None].expand(-1, -1, flat.shape[2], -1)
        values = flat.gather(3, picked).unflatten(3, (weights.shape[2], -1))
        y = y + (share[:, :, None] * values).sum(3)
    return y.reshape(window.output_shape).to(x.dtype)


def _grid(window: ConvolutionProblem, x: Tensor) -> list[Tensor]:
    """For each axis, where the taps of each output lie before they are moved (taps, outputs).

    In float32 at least: half precision cannot tell far places apart.
    """
    precise = torch.promote_types(x.dtype, torch.float32)

    def steps(count: int, step: int, before: int) -> Tensor:
        return torch.arange(count, device=x.device, dtype=precise) * step - before

    taps = torch.meshgrid(*(steps(k, d, 0) for k, d in zip(window.kernel, window.dilation)), indexing="ij")
    axes = zip(window.output_spatial, window.stride, window.padding)
    starts = torch.meshgrid(*(steps(n, s, before) for n, s, (before, _) in axes), indexing="ij")
    return [tap.reshape(-1, 1) + start.reshape(1, -1) for tap, start in zip(taps, starts)]
