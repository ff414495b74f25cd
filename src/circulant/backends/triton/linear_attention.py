"""Linear attention and the delta rule's solve, each head's state in registers from chunk to chunk."""

import torch
from torch import Tensor

from circulant.algorithms.linear_attention import AttentionProblem, TiledAttention
from circulant.backends.triton.launch import ACCUMULATORS, Operand, accumulator, contiguous, launch
from circulant.backends.triton.tile import power_above
from circulant.backends.triton.transform_settings import precision_of
from circulant.problems.delta_solve import DeltaSolveProblem
from circulant.problems.linear_attention import Decay, split_operands

NARROWEST, WIDEST = 16, 64  # values of a program: what matrix units need, and what registers hold


def solve(problem: AttentionProblem, *operands: Tensor) -> Tensor:
    """y, or the solution. Log decay and initial state may be wider than the problem."""
    from circulant.backends.triton.kernels import linear_attention as kernels

    p, wide, is_solve = problem, ACCUMULATORS[problem.dtype], isinstance(problem, DeltaSolveProblem)
    strict = isinstance(p, DeltaSolveProblem) or p.strict
    shapes = iter(p.operand_shapes)
    always = contiguous(p.dtype, *map(Operand, ("q", "k", "v"), operands[:3], shapes))
    names = ("log decay",) * (p.decay is not Decay.NONE) + ("the initial state",)
    others = map(Operand, names, (operand.to(wide) for operand in operands[3:]), shapes)
    optional = contiguous(wide, *others) if operands[3:] else []
    (q, k, v), log_decay, initial = split_operands((*always, *optional), p.decay)
    y = torch.empty(p.result_shape, dtype=p.dtype, device=q.device)
    block = min(max(power_above(p.values), NARROWEST), WIDEST)
    launch(
        kernels.run, (p.batch * p.heads, -(-p.values // block)), q, q, k, v,
        q if log_decay is None else log_decay, q if initial is None else initial, y,
        p.heads, p.length, p.keys, p.values, KIND=list(Decay).index(p.decay), STARTS=initial is not None,
        STRICT=strict, REVERSE=p.reverse, SOLVE=is_solve, STEPS=TiledAttention().steps(p),
        KEYS=max(power_above(p.keys), NARROWEST), VALUES=block, PRECISION=precision_of(p.dtype),
        ADD=accumulator(p.dtype),
    )  # fmt: skip
    return y
