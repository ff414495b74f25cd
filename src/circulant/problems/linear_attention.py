r"""Causal linear attention: a matrix of memory that fades, takes up k v^T and is read by q.

    S[t] = exp(g[t]) S[t-1] + k[t] v[t]^T,   y[t] = S[t]^T q[t],   S[-1] = the initial state, or 0

g is the logarithm of the decay, at most 0: none, one for each head, one for each step, one for each step
and key channel (it then scales the rows of S), or one for each step and value channel (its columns). With
every step's own product left out (strict), y[t] = (exp(g[t]) S[t-1])^T q[t]. Written out,

    y[t, e] = sum_{m <= t} sum_d w(m, t) q[t, d] k[m, d] v[m, e],   w(m, t) = exp(sum_{m < s <= t} g[s])

In reversed time the sum is over m >= t with w(t, m): the transposed map of v. It takes no initial state.
Any gradient of such a problem is such a problem again, with operands exchanged.
Shapes: q, k (B, H, L, D), v and y (B, H, L, E), g (H,), (B, H, L) or (B, H, L, D or E), S (B, H, D, E).
"""

from dataclasses import dataclass
from enum import Enum
from typing import final

import torch
from torch import Tensor

from circulant.core.sizes import Shape
from circulant.problems.problem import Problem, dtype_text, shape_text


class Decay(Enum):
    """What a factor of the memory belongs to."""

    NONE = "none"
    HEAD = "head"
    STEP = "step"
    KEY = "key"  # a step and a key channel
    VALUE = "value"  # a step and a value channel

    @property
    def is_vector(self) -> bool:
        return self in (Decay.KEY, Decay.VALUE)


def decay_shape(decay: Decay, heads: Shape, length: int, keys: int, values: int) -> Shape:
    """heads: (B, H)."""
    return {
        Decay.NONE: (),
        Decay.HEAD: heads[1:],
        Decay.STEP: (*heads, length),
        Decay.KEY: (*heads, length, keys),
        Decay.VALUE: (*heads, length, values),
    }[decay]


@final
@dataclass(frozen=True, slots=True)
class LinearAttentionProblem(Problem):
    batch: int
    heads: int
    length: int
    keys: int
    values: int
    decay: Decay
    has_initial: bool = False
    strict: bool = False
    reverse: bool = False

    @property
    def rows(self) -> Shape:
        return (self.batch, self.heads)

    @property
    def decay_shapes(self) -> tuple[Shape, ...]:
        shape = decay_shape(self.decay, self.rows, self.length, self.keys, self.values)
        return () if self.decay is Decay.NONE else (shape,)

    @property
    def operand_shapes(self) -> tuple[Shape, ...]:
        """q, k, v, and those of log decay and initial state that there are."""
        keyed = (*self.rows, self.length, self.keys)
        initial = ((*self.rows, self.keys, self.values),) if self.has_initial else ()
        return keyed, keyed, self.result_shape, *self.decay_shapes, *initial

    @property
    def result_shape(self) -> Shape:
        return (*self.rows, self.length, self.values)

    @property
    def flop(self) -> float:
        """The two products of each step with the state."""
        return 4.0 * self.batch * self.heads * self.length * self.keys * self.values

    def __str__(self) -> str:
        flags = ("strict" if self.strict else "", "reversed" if self.reverse else "")
        return (
            f"linear attention of {shape_text(self.result_shape)} with {self.keys} key channels, "
            f"decay per {self.decay.value}, {dtype_text(self.dtype)}" + "".join(f", {f}" for f in flags if f)
        )


def split_operands(
    operands: tuple[Tensor, ...], decay: Decay
) -> tuple[tuple[Tensor, ...], Tensor | None, Tensor | None]:
    """The three that are always there, log decay and initial state."""
    optional = list(operands[3:])
    log_decay = None if decay is Decay.NONE else optional.pop(0)
    return operands[:3], log_decay, optional.pop(0) if optional else None


def factors(problem: LinearAttentionProblem, log_decay: Tensor | None, like: Tensor) -> Tensor:
    """exp(g) as (B, H, L, D or 1, E or 1), to scale states with."""
    p = problem
    if log_decay is None:
        return like.new_ones(*p.rows, p.length, 1, 1)
    decay = torch.exp(log_decay)
    if p.decay is Decay.HEAD:
        return decay[:, None, None, None].expand(*p.rows, p.length, 1, 1)
    if p.decay is Decay.STEP:
        return decay[..., None, None]
    return decay[..., None] if p.decay is Decay.KEY else decay[..., None, :]


def reference(problem: LinearAttentionProblem, *operands: Tensor) -> Tensor:
    """The equation above, step by step."""
    p = problem
    (q, k, v), log_decay, initial = split_operands(operands, p.decay)
    factor = factors(p, log_decay, v)
    state = v.new_zeros(*p.rows, p.keys, p.values) if initial is None else initial
    y = torch.zeros_like(v)
    for t in reversed(range(p.length)) if p.reverse else range(p.length):
        faded = state if p.reverse else factor[:, :, t] * state
        state = faded + k[:, :, t, :, None] * v[:, :, t, None, :]
        y[:, :, t] = (q[:, :, t, :, None] * (faded if p.strict else state)).sum(2)
        state = factor[:, :, t] * state if p.reverse else state
    return y
