"""Linear recurrences in plain torch, differentiable: step after step, or in chunks taken together.

A chunk's states are never divided by, nor multiplied with, the inverse of a product of factors: only
forward products occur, so factors may vanish or grow. Half precision is computed in float32.
"""

import torch
from torch import Tensor

from circulant.algorithms.scan import chunk_length
from circulant.backends.torch.spectra import computable
from circulant.problems.recurrence import RecurrenceProblem


def sequential(problem: RecurrenceProblem, a: Tensor, x: Tensor, *initial: Tensor) -> Tensor:
    return _solve(problem, a, x, initial, None)


def scan(problem: RecurrenceProblem, a: Tensor, x: Tensor, *initial: Tensor) -> Tensor:
    return _solve(problem, a, x, initial, chunk_length(problem.length))


def _solve(
    problem: RecurrenceProblem, a: Tensor, x: Tensor, initial: tuple[Tensor, ...], chunk: int | None
) -> Tensor:
    p = problem

    def numbers(tensor: Tensor) -> Tensor:
        wide = computable(tensor)
        return torch.view_as_complex(wide.contiguous()) if p.is_complex else wide

    driven = numbers(x)
    factor = numbers(a)
    factor = factor if p.is_varying else factor[:, None].expand(driven.shape)
    start = numbers(initial[0]) if initial else torch.zeros_like(driven[..., 0])
    if p.adjoint:
        factor, driven = adjoint_factors(factor).flip(-1), driven.flip(-1)
    h = states(factor, driven, start) if chunk is None else scanned_states(factor, driven, start, chunk)
    h = h.flip(-1) if p.adjoint else h
    return (torch.view_as_real(h) if p.is_complex else h).to(p.dtype)


def adjoint_factors(a: Tensor) -> Tensor:
    """What the adjoint multiplies the next state by: the conjugate of the next factor, 0 at the end."""
    return torch.cat([a[..., 1:].conj_physical(), torch.zeros_like(a[..., :1])], dim=-1)


def states(a: Tensor, x: Tensor, start: Tensor) -> Tensor:
    """h[.., l] = a[.., l] h[.., l-1] + x[.., l] for a and x (.., L), from start (..)."""
    found = []
    for factor, driven in zip(a.unbind(-1), x.unbind(-1)):
        start = factor * start + driven
        found.append(start)
    return torch.stack(found, dim=-1)


def scanned_states(a: Tensor, x: Tensor, start: Tensor, chunk: int) -> Tensor:
    """The same with all chunks of that many steps at once."""
    length = x.shape[-1]
    factors, driven = (_by_step(tensor, chunk) for tensor in (a, x))  # (chunk, .., chunks)
    end = torch.zeros_like(driven[0])
    passed = torch.ones_like(factors[0])
    for factor, value in zip(factors, driven):
        end = factor * end + value
        passed = factor * passed
    pasts = []
    for end_alone, factor in zip(end.unbind(-1), passed.unbind(-1)):
        pasts.append(start)
        # a past of zeros stays without effect even where the product of the factors is infinite
        start = torch.where(start == 0, end_alone, factor * start + end_alone)
    state, found = torch.stack(pasts, dim=-1), []
    for factor, value in zip(factors, driven):
        state = factor * state + value
        found.append(state)
    return torch.stack(found).movedim(0, -1).flatten(-2)[..., :length]


def _by_step(tensor: Tensor, chunk: int) -> Tensor:
    """(.., L) -> (chunk, .., chunks); zeros behind the end."""
    padded = torch.nn.functional.pad(tensor, (0, -tensor.shape[-1] % chunk))
    return padded.unflatten(-1, (-1, chunk)).movedim(-1, 0).contiguous()
