"""The delta rule's solve in plain torch: step after step, or a triangle for each chunk of steps.

A chunk's triangle is solved for its right side and for the keys that read the state before it, so that
chunks only wait for states: x = T r - (T p) S with T the inverse of the triangle. Half precision is
computed in float32.
"""

import torch
from torch import Tensor

from circulant.algorithms.linear_attention import CHUNK
from circulant.backends.torch.linear_attention import Chunks, backward_in_time, forward_in_time
from circulant.problems.delta_solve import DeltaSolveProblem
from circulant.problems.linear_attention import factors


def sequential(problem: DeltaSolveProblem, *operands: Tensor) -> Tensor:
    p = problem
    (left, k, right), log_decay, initial = forward_in_time(p, operands)
    factor = factors(p.as_attention(), log_decay, right).unbind(2)
    state = right.new_zeros(p.batch, p.heads, p.keys, p.values) if initial is None else initial
    found = []
    for t in range(p.length):
        faded = factor[t] * state
        found.append(right[:, :, t, None] - left[:, :, t, None] @ faded)
        state = faded + k[:, :, t, :, None] * found[-1]
    return backward_in_time(p, torch.cat(found, dim=2))


def chunked(problem: DeltaSolveProblem, *operands: Tensor, chunk: int = CHUNK) -> Tensor:
    """chunk: steps, any number."""
    p = problem
    (left, k, right), log_decay, initial = forward_in_time(p, operands)
    chunks = Chunks.of(p, (left, k, right), log_decay, chunk)
    sides = torch.cat([chunks.v, chunks.read_keys()], dim=-1)
    triangle = chunks.scores(strict=True)
    solved = torch.linalg.solve_triangular(triangle, sides, upper=False, unitriangular=True)
    alone, reading = solved.split([p.values, p.keys], dim=-1)
    state = right.new_zeros(p.batch, p.heads, p.keys, p.values) if initial is None else initial
    written, remains, found = chunks.written().mT, chunks.remains(), []
    for chunk_at in range(alone.shape[2]):
        x = alone[:, :, chunk_at] - reading[:, :, chunk_at] @ state
        state = remains[:, :, chunk_at] * state + written[:, :, chunk_at] @ x
        found.append(x)
    return backward_in_time(p, torch.cat(found, dim=2)[:, :, : p.length])


def quadratic(problem: DeltaSolveProblem, *operands: Tensor) -> Tensor:
    return chunked(problem, *operands, chunk=problem.length)
