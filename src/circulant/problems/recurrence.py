r"""Linear recurrence along one axis, channel by channel.

    h[b, c, l] = a[b, c, l] h[b, c, l-1] + x[b, c, l],   h[b, c, -1] = the initial state, or 0

a has a value for each step, or one for each channel. The adjoint runs backwards,

    h[b, c, l] = x[b, c, l] + conj(a[b, c, l+1]) h[b, c, l+1],   with 0 behind the last step,

and takes no initial state. Complex numbers are pairs of reals in a last axis of 2.
Shapes: x and h (B, C, L), a (B, C, L) or (C,), initial state (B, C); each with (.., 2) if complex.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from circulant.core.sizes import Shape
from circulant.problems.problem import Problem, dtype_text, shape_text


@final
@dataclass(frozen=True, slots=True)
class RecurrenceProblem(Problem):
    batch: int
    channels: int
    length: int
    is_varying: bool  # a has a value for each step
    is_complex: bool
    has_initial: bool
    adjoint: bool

    @property
    def pair(self) -> Shape:
        return (2,) if self.is_complex else ()

    @property
    def operand_shapes(self) -> tuple[Shape, ...]:
        factor = self.result_shape if self.is_varying else (self.channels, *self.pair)
        initial = ((self.batch, self.channels, *self.pair),) if self.has_initial else ()
        return factor, self.result_shape, *initial

    @property
    def result_shape(self) -> Shape:
        return (self.batch, self.channels, self.length, *self.pair)

    @property
    def flop(self) -> float:
        return (8.0 if self.is_complex else 2.0) * self.batch * self.channels * self.length

    def __str__(self) -> str:
        kind = "complex" if self.is_complex else "real"
        factor = "varying" if self.is_varying else "fixed"
        end = ", adjoint" if self.adjoint else ""
        shape = shape_text((self.batch, self.channels, self.length))
        return f"recurrence of {shape}, {kind}, {factor} factors, {dtype_text(self.dtype)}{end}"


def reference(problem: RecurrenceProblem, a: Tensor, x: Tensor, *initial: Tensor) -> Tensor:
    """The equation above, step by step, in complex numbers."""
    p = problem

    def numbers(tensor: Tensor) -> Tensor:
        return torch.view_as_complex(tensor.contiguous()) if p.is_complex else tensor

    factor, driven = numbers(a), numbers(x)
    factor = factor if p.is_varying else factor[None, :, None].expand(driven.shape)
    h = torch.zeros_like(driven)
    state = numbers(initial[0]) if initial else torch.zeros_like(driven[..., 0])
    if p.adjoint:
        for l in reversed(range(p.length)):
            h[..., l] = driven[..., l] + state
            state = factor[..., l].conj() * h[..., l]
    else:
        for l in range(p.length):
            state = factor[..., l] * state + driven[..., l]
            h[..., l] = state
    return torch.view_as_real(h) if p.is_complex else h
