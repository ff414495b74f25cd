"""Sampled convolution by gathering corners, tap by tap. Differentiable code: any order of derivative."""

from itertools import product as index_product

import torch
from torch import Tensor

from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.sampled_conv import SampledConvProblem


def direct(problem: SampledConvProblem, x: Tensor, offset: Tensor, modulation: Tensor) -> Tensor:
    window, groups = problem.window, problem.groups
    flat = x.unflatten(1, (groups, -1)).flatten(3)
    starts = torch.meshgrid(*_starts(window, x), indexing="ij")
    taps = index_product(*(range(k) for k in window.kernel))
    y = x.new_zeros(())
    for m, tap in enumerate(taps):
        place = [
            start + i * step + offset[:, :, m, axis]
            for axis, (start, i, step) in enumerate(zip(starts, tap, window.dilation))
        ]
        y = y + modulation[:, :, m, None] * _sample(flat, place, window.spatial)
    return y.flatten(1, 2)


def _starts(window: ConvolutionProblem, x: Tensor) -> list[Tensor]:
    axes = zip(window.output_spatial, window.stride, window.padding)
    return [torch.arange(n, device=x.device, dtype=x.dtype) * s - before for n, s, (before, _) in axes]


def _sample(flat: Tensor, place: list[Tensor], spatial: tuple[int, ...]) -> Tensor:
    """flat (B, G, C / G, samples) at place, one (B, G, *out) per axis -> (B, G, C / G, *out)."""
    # far outside counts as one sample outside: the value is zero and the index stays an integer
    place = [at.clamp(-1, size) for at, size in zip(place, spatial)]
    floors = [at.detach().floor() for at in place]
    total = flat.new_zeros(())
    for corner in index_product((0, 1), repeat=len(spatial)):
        index = torch.zeros_like(floors[0], dtype=torch.long)
        share = torch.ones_like(place[0])
        for at, floor, step, size in zip(place, floors, corner, spatial):
            i = floor + step
            share = share * (1 - (at - i).abs()) * ((i >= 0) & (i < size))
            index = index * size + i.clamp(0, size - 1).long()
        picked = index.flatten(2)[:, :, None].expand(-1, -1, flat.shape[2], -1)
        values = flat.gather(3, picked).unflatten(3, index.shape[2:])
        total = total + share[:, :, None] * values
    return total
