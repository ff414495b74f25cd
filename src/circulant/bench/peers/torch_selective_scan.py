"""Selective scans in plain torch: h[l] = exp(d[l] A) h[l-1] + d[l] B[l] u[l], y[l] = C[l] h[l].

Shapes: u, d, y (B, C, L), A (C, N), B and C (B, N, L).
"""

import torch
from torch import Tensor

from circulant.bench.case import Function
from circulant.bench.peers import torch_recurrence
from circulant.core.sizes import Shape


def stepwise(_shape: Shape) -> Function:
    """A loop over time; one state is held, and those before it for the gradients."""

    def scanned(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Tensor:
        state, outputs = u.new_zeros(*u.shape[:2], A.shape[1]), []
        for x, step, b, c in zip(u.unbind(-1), delta.unbind(-1), B.unbind(-1), C.unbind(-1)):
            driven = (step * x)[..., None] * b[:, None]
            state = torch.exp(step[..., None] * A) * state + driven
            outputs.append((state * c[:, None]).sum(-1))
        return torch.stack(outputs, dim=-1)

    return scanned


def chunked(shape: Shape) -> Function:
    """All states are written out, and found in chunks whose steps are taken together."""
    batch, channels, _, length = shape
    recur = torch_recurrence.chunked((batch, channels, length))

    def scanned(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Tensor:
        factors = torch.exp(delta[:, :, None] * A[..., None])
        states = recur(factors, (delta * u)[:, :, None] * B[:, None])
        return (states * C[:, None]).sum(2)

    return scanned
