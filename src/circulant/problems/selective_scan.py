r"""Selective scan: a diagonal state space model whose parameters change with time.

    h[b, c, n, l] = exp(d[b, c, l] A[c, n]) h[b, c, n, l-1] + d[b, c, l] B[b, g, n, l] u[b, c, l]
    y[b, c, l]    = sum_n C[b, g, n, l] h[b, c, n, l]

with h[.., -1] the initial state and g = c // (C / G). The states of all steps would be N times the
input: they are never written out. A problem of gradients takes cotangents of y and of the last state,
and computes the states again. Results lie one behind another in a vector, in float32 at least: y and
the last state, or the gradients in the order of the operands.
Shapes: u, d, y (B, C, L), A (C, N), B and C (B, G, N, L), initial and last state (B, C, N).
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from circulant.core.sizes import Shape, product
from circulant.problems.problem import Problem, dtype_text, shape_text


@final
@dataclass(frozen=True, slots=True)
class SelectiveScanProblem(Problem):
    batch: int
    channels: int
    groups: int
    state: int
    length: int
    gradients: bool

    @property
    def input_shape(self) -> Shape:
        return (self.batch, self.channels, self.length)

    @property
    def state_shape(self) -> Shape:
        return (self.batch, self.channels, self.state)

    @property
    def forward_shapes(self) -> tuple[Shape, ...]:
        """u, d, A, B, C, initial state."""
        shared = (self.batch, self.groups, self.state, self.length)
        factor = (self.channels, self.state)
        return self.input_shape, self.input_shape, factor, shared, shared, self.state_shape

    @property
    def operand_shapes(self) -> tuple[Shape, ...]:
        cotangents = (self.input_shape, self.state_shape) if self.gradients else ()
        return *self.forward_shapes, *cotangents

    @property
    def part_shapes(self) -> tuple[Shape, ...]:
        """What lies one behind another in the result."""
        return self.forward_shapes if self.gradients else (self.input_shape, self.state_shape)

    @property
    def result_shape(self) -> Shape:
        return (sum(product(shape) for shape in self.part_shapes),)

    @property
    def flop(self) -> float:
        """For each state and step: two products, the recurrence, the sum; gradients take three times that."""
        once = 6.0 * self.batch * self.channels * self.state * self.length
        return 3 * once if self.gradients else once

    def __str__(self) -> str:
        solved = ", gradients" if self.gradients else ""
        return (
            f"selective scan of {shape_text(self.input_shape)} with {self.state} states, "
            f"{self.groups} groups, {dtype_text(self.dtype)}{solved}"
        )

    def split(self, result: Tensor) -> tuple[Tensor, ...]:
        """The parts of a result, as views."""
        pieces = result.split([product(shape) for shape in self.part_shapes])
        return tuple(piece.view(shape) for piece, shape in zip(pieces, self.part_shapes))


def reference(problem: SelectiveScanProblem, *operands: Tensor) -> Tensor:
    """The equation above, step by step; gradients by differentiating it."""
    count = len(problem.forward_shapes)
    with torch.enable_grad():
        leaves = [operand.detach().requires_grad_() for operand in operands[:count]]
        u, delta, A, B, C, h = leaves
        per_group = problem.channels // problem.groups
        outputs = []
        for l in range(problem.length):
            shared_B, shared_C = (t[..., l].repeat_interleave(per_group, 1) for t in (B, C))
            step = delta[..., l, None]
            h = torch.exp(step * A) * h + step * u[..., l, None] * shared_B
            outputs.append((shared_C * h).sum(-1))
        parts: tuple[Tensor, ...] = (torch.stack(outputs, -1), h)
        if problem.gradients:
            parts = torch.autograd.grad(parts, leaves, operands[count:])
    return torch.cat([part.detach().flatten() for part in parts])
