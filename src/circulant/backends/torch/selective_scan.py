"""Selective scan in plain torch: the states of one chunk of steps at a time.

Tensors lie as (B, G, C / G, ..), so that groups share B and C without copies. Half precision is computed
in float32.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from circulant.algorithms.scan import SelectiveChunkedScan, chunk_length
from circulant.backends.torch.recurrence import adjoint_factors, scanned_states
from circulant.backends.torch.spectra import computable
from circulant.problems.selective_scan import SelectiveScanProblem


@final
@dataclass(frozen=True, slots=True)
class Chunk:
    """Operands of some steps: u and delta (B, G, C / G, S), a (G, C / G, N), b and c (B, G, N, S)."""

    u: Tensor
    delta: Tensor
    a: Tensor
    b: Tensor
    c: Tensor

    def decay(self) -> Tensor:
        return torch.exp(self.delta[..., None, :] * self.a[..., None])

    def states(self, decay: Tensor, start: Tensor) -> Tensor:
        """(B, G, C / G, N, S) from the state before."""
        driven = (self.delta * self.u)[..., None, :] * self.b[:, :, None]
        return scanned_states(decay, driven, start, chunk_length(driven.shape[-1]))


def scan(problem: SelectiveScanProblem, *operands: Tensor) -> Tensor:
    wide = [computable(operand) for operand in operands]
    if problem.gradients:
        return _gradients(problem, *wide)
    y, state = outputs(problem, *wide)
    return torch.cat([y.flatten(), state.flatten()])


def outputs(problem: SelectiveScanProblem, *operands: Tensor) -> tuple[Tensor, Tensor]:
    """y and the last state; differentiable."""
    state, found = operands[5].unflatten(1, (problem.groups, -1)), []
    for chunk in _chunks(problem, operands):
        states = chunk.states(chunk.decay(), state)
        found.append(torch.einsum("bgcns,bgns->bgcs", states, chunk.c))
        state = states[..., -1]
    return torch.cat(found, dim=-1).flatten(1, 2), state.flatten(1, 2)


def _chunks(problem: SelectiveScanProblem, operands: tuple[Tensor, ...]) -> list[Chunk]:
    steps = SelectiveChunkedScan().chunk(problem)
    u, delta, a, b, c = operands[:5]
    split = (t.split(steps, dim=-1) for t in (_grouped(problem, u), _grouped(problem, delta), b, c))
    a = a.unflatten(0, (problem.groups, -1))
    return [Chunk(u, delta, a, b, c) for u, delta, b, c in zip(*split)]


def _grouped(problem: SelectiveScanProblem, tensor: Tensor) -> Tensor:
    return tensor.unflatten(1, (problem.groups, -1))


def _gradients(problem: SelectiveScanProblem, *operands: Tensor) -> Tensor:
    """All gradients, from the last chunk to the first, each with its states computed again."""
    chunks, starts = _chunks(problem, operands), [_grouped(problem, operands[5])]
    for chunk in chunks[:-1]:
        starts.append(chunk.states(chunk.decay(), starts[-1])[..., -1])
    y_gradients = _grouped(problem, operands[6]).split(chunks[0].u.shape[-1], dim=-1)
    after = _grouped(problem, operands[7])
    a_gradient = torch.zeros_like(chunks[0].a)
    found: list[tuple[Tensor, ...]] = []
    for chunk, start, y_gradient in zip(reversed(chunks), reversed(starts), reversed(y_gradients)):
        pulled = _pull_back(chunk, start, y_gradient, after)
        after, a_gradient = pulled.before, a_gradient + pulled.a
        found.append((pulled.u, pulled.delta, pulled.b, pulled.c))
    u, delta, b, c = (torch.cat(steps[::-1], dim=-1).flatten() for steps in zip(*found))
    return torch.cat([u, delta, a_gradient.flatten(), b, c, after.flatten()])


@final
@dataclass(frozen=True, slots=True)
class Pulled:
    """Gradients of a chunk's operands, and the cotangent of the state before it."""

    u: Tensor
    delta: Tensor
    a: Tensor
    b: Tensor
    c: Tensor
    before: Tensor


def _pull_back(chunk: Chunk, start: Tensor, y_gradient: Tensor, after: Tensor) -> Pulled:
    decay = chunk.decay()
    states = chunk.states(decay, start)
    driven = y_gradient[..., None, :] * chunk.c[:, :, None]
    last = driven[..., -1:] + after[..., None]
    backwards = torch.cat([driven[..., :-1], last], dim=-1).flip(-1)
    factors = adjoint_factors(decay).flip(-1)
    steps = chunk_length(driven.shape[-1])
    cotangent = scanned_states(factors, backwards, torch.zeros_like(start), steps).flip(-1)
    kept = decay * cotangent
    lost = kept * torch.cat([start[..., None], states[..., :-1]], dim=-1)
    response = torch.einsum("bgcns,bgns->bgcs", cotangent, chunk.b)
    return Pulled(
        u=chunk.delta * response,
        delta=chunk.u * response + torch.einsum("bgcns,gcn->bgcs", lost, chunk.a),
        a=torch.einsum("bgcns,bgcs->gcn", lost, chunk.delta),
        b=torch.einsum("bgcns,bgcs->bgns", cotangent, chunk.delta * chunk.u),
        c=torch.einsum("bgcns,bgcs->bgns", states, y_gradient),
        before=kept[..., 0],
    )
