r"""The solve behind the delta rule: what each step must write so that its key then reads its value.

    x[t] = r[t] - (exp(g[t]) S[t-1])^T p[t],   S[t] = exp(g[t]) S[t-1] + k[t] x[t]^T

with S[-1] the initial state, or 0. This is (1 + A) x = r with A the strict linear attention of p and k,
so the triangle has ones on its diagonal and is solved forwards. With p = beta k and r = beta v the states
are those of the delta rule: what S holds for k[t] is replaced by v[t] in the proportion beta[t]. In
reversed time the system is the transposed one, (1 + A(k, p))^T x = r; it takes no initial state.
Shapes: p, k (B, H, L, D), r and x (B, H, L, E), g (H,), (B, H, L) or (B, H, L, D), S (B, H, D, E).
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from circulant.core.sizes import Shape
from circulant.problems.linear_attention import Decay, LinearAttentionProblem, factors, split_operands
from circulant.problems.problem import Problem, dtype_text, shape_text


@final
@dataclass(frozen=True, slots=True)
class DeltaSolveProblem(Problem):
    batch: int
    heads: int
    length: int
    keys: int
    values: int
    decay: Decay  # not per value channel
    has_initial: bool = False
    reverse: bool = False

    @property
    def operand_shapes(self) -> tuple[Shape, ...]:
        """p, k, r, and those of log decay and initial state that there are."""
        return self.as_attention().operand_shapes

    @property
    def result_shape(self) -> Shape:
        return self.as_attention().result_shape

    @property
    def flop(self) -> float:
        """The two products of each step with the state."""
        return self.as_attention().flop

    def as_attention(self) -> LinearAttentionProblem:
        """The strict attention that stands beside the unit matrix."""
        return LinearAttentionProblem(
            self.dtype, self.batch, self.heads, self.length, self.keys, self.values, self.decay,
            self.has_initial, True, self.reverse,
        )  # fmt: skip

    def __str__(self) -> str:
        end = ", reversed" if self.reverse else ""
        return (
            f"delta solve of {shape_text(self.result_shape)} with {self.keys} key channels, "
            f"decay per {self.decay.value}, {dtype_text(self.dtype)}{end}"
        )


def reference(problem: DeltaSolveProblem, *operands: Tensor) -> Tensor:
    """The equation above, step by step."""
    p = problem
    (left, k, right), log_decay, initial = split_operands(operands, p.decay)
    factor = factors(p.as_attention(), log_decay, right)
    rows = (p.batch, p.heads, p.keys, p.values)
    state = right.new_zeros(rows) if initial is None else initial
    x = torch.zeros_like(right)
    for t in reversed(range(p.length)) if p.reverse else range(p.length):
        faded = state if p.reverse else factor[:, :, t] * state
        x[:, :, t] = right[:, :, t] - (left[:, :, t, :, None] * faded).sum(2)
        state = faded + k[:, :, t, :, None] * x[:, :, t, None, :]
        state = factor[:, :, t] * state if p.reverse else state
    return x
