"""Inverse convolution by substitution, vectorised over the places of a front, the batch and the channels.

Half precision is solved in float32.
"""

from itertools import product as index_product

import torch
from torch import Tensor

from circulant.backends.torch.spectra import computable
from circulant.core.sizes import Shape
from circulant.problems.inverse_conv import InverseConvProblem


def wavefront(problem: InverseConvProblem, first: Tensor, weight: Tensor) -> Tensor:
    return _solve(problem, first, weight, anti_diagonals(problem.spatial))


def substitution(problem: InverseConvProblem, first: Tensor, weight: Tensor) -> Tensor:
    return _solve(problem, first, weight, [[place] for place in _places(problem.spatial)])


def anti_diagonals(spatial: Shape) -> list[list[Shape]]:
    """The places of equal index sum, in the order of the sum."""
    fronts: list[list[Shape]] = [[] for _ in range(sum(spatial) - len(spatial) + 1)]
    for place in _places(spatial):
        fronts[sum(place)].append(place)
    return fronts


def _places(sizes: Shape) -> list[Shape]:
    return list(index_product(*(range(size) for size in sizes)))


def _solve(problem: InverseConvProblem, first: Tensor, weight: Tensor, fronts: list[list[Shape]]) -> Tensor:
    """Substitution in the order of the fronts; tensors lie as (C, places, B)."""
    p = problem
    right, kernel = computable(first).flatten(2), computable(weight).flatten(2)
    if p.adjoint:  # the other end first, and the channels exchanged
        right, kernel = right.flip(1, 2), kernel.transpose(0, 1).flip(0, 1)
    right = right.permute(1, 2, 0).contiguous()
    padded_sizes = tuple(size + k - 1 for size, k in zip(p.spatial, p.kernel))
    padded = right.new_zeros(p.channels, int(torch.Size(padded_sizes).numel()), p.batch)
    *earlier, last = (_flat(tap, padded_sizes) for tap in _places(p.kernel))
    offsets = torch.tensor(earlier, device=first.device, dtype=torch.long)[:, None]
    earlier_taps, triangle = kernel[..., :-1].flatten(1), kernel[..., -1]
    for front in fronts:
        place = torch.tensor([_flat(at, p.spatial) for at in front], device=first.device)
        window = torch.tensor([_flat(at, padded_sizes) for at in front], device=first.device)
        seen = padded[:, (window + offsets).flatten()]
        known = earlier_taps @ seen.reshape(earlier_taps.shape[1], len(front) * p.batch)
        rest = right[:, place].flatten(1) - known
        solved = torch.linalg.solve_triangular(triangle, rest, upper=False, unitriangular=True)
        padded[:, window + last] = solved.unflatten(1, (-1, p.batch))
    every = torch.tensor([_flat(at, padded_sizes) for at in _places(p.spatial)], device=first.device)
    x = padded[:, every + last].permute(2, 0, 1)
    x = x.flip(1, 2) if p.adjoint else x
    return x.reshape(p.result_shape).to(p.dtype)


def _flat(place: Shape, sizes: Shape) -> int:
    index = 0
    for at, size in zip(place, sizes):
        index = index * size + at
    return index
