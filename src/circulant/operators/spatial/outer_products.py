"""Kernels as sums of outer products of one vector for each axis: composed, and found for a given kernel."""

import torch
import torch.nn.functional as F
from torch import Tensor

RIDGE = 1e-13  # of the largest entry of a Gram matrix: vectors that fall together stay finite


def composed(factors: list[Tensor]) -> Tensor:
    """factors (..., R, k_a) of each axis -> (..., k_1, .., k_d): the sum over R of their outer products."""
    *first, last = factors
    sizes = [factor.shape[-1] for factor in factors]
    return (_joint(first).mT @ last).reshape(*last.shape[:-2], *sizes)


def outer_products(kernel: Tensor, rank: int, ndim: int, sweeps: int) -> list[Tensor]:
    """kernel (..., k_1, .., k_d) -> factors (..., rank, k_a) that sum to what is nearest in squares.

    In two dimensions by singular values, the best there is. In three from nested singular vectors, improved
    by sweeps of least squares, each of which brings the sum nearer; the nearest may be missed.
    """
    exact = kernel.detach().double()
    factors = _strongest(_nested(exact, ndim), rank)
    if ndim > 2:
        for _ in range(sweeps):
            for axis in range(ndim):
                factors[axis] = _refit(exact, factors, axis)
        factors = _balanced(factors)
    return [factor.to(kernel.dtype) for factor in factors]


def _nested(kernel: Tensor, ndim: int) -> list[Tensor]:
    """Terms from the singular vectors of the first axis against the rest, and so on in the rest."""
    if ndim == 1:
        return [kernel.unsqueeze(-2)]
    *lead, size = kernel.shape[: kernel.ndim - ndim + 1]
    rest = kernel.shape[kernel.ndim - ndim + 1 :]
    left, values, right = torch.linalg.svd(kernel.reshape(*lead, size, -1), full_matrices=False)
    within = _nested(right.reshape(*lead, -1, *rest), ndim - 1)  # (..., terms, terms within, k)
    terms, inner = within[0].shape[-3:-1]
    share = values.clamp(min=0).pow(1 / ndim)[..., None, None]
    first = left.mT.unsqueeze(-2).expand(*lead, terms, inner, size)
    factors = [first * share, *(factor * share for factor in within)]
    return [factor.reshape(*lead, terms * inner, factor.shape[-1]) for factor in factors]


def _strongest(factors: list[Tensor], rank: int) -> list[Tensor]:
    """The terms of largest norm, filled up with zeros."""
    norms = torch.stack([factor.norm(dim=-1) for factor in factors]).prod(0)
    most = min(rank, norms.shape[-1])
    best = norms.topk(most).indices.unsqueeze(-1)
    kept = [f.gather(-2, best.expand(*best.shape[:-1], f.shape[-1])) for f in factors]
    return [F.pad(f, (0, 0, 0, rank - most)) for f in kept]


def _refit(kernel: Tensor, factors: list[Tensor], axis: int) -> Tensor:
    """The vectors of one axis by least squares, the others fixed."""
    others = _joint([factor for i, factor in enumerate(factors) if i != axis])
    ndim = len(factors)
    moved = kernel.movedim(kernel.ndim - ndim + axis, kernel.ndim - ndim)
    unfolded = moved.reshape(*others.shape[:-2], moved.shape[kernel.ndim - ndim], -1)
    gram = others @ others.mT
    ridge = RIDGE * gram.diagonal(dim1=-2, dim2=-1).amax(-1)[..., None, None].clamp(min=1e-30)
    identity = torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
    return torch.linalg.solve(gram + ridge * identity, others @ unfolded.mT)


def _balanced(factors: list[Tensor]) -> list[Tensor]:
    """The same terms, with vectors of one norm."""
    norms = [factor.norm(dim=-1, keepdim=True).clamp(min=1e-30) for factor in factors]
    common = torch.stack(norms).prod(0).pow(1 / len(factors))
    return [factor * common / norm for factor, norm in zip(factors, norms)]


def _joint(factors: list[Tensor]) -> Tensor:
    """(..., R, k_a) each -> (..., R, product of k): term by term, the first axis slowest."""
    joint = factors[0]
    for factor in factors[1:]:
        joint = (joint.unsqueeze(-1) * factor.unsqueeze(-2)).flatten(-2)
    return joint
