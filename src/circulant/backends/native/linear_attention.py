"""Linear attention and the delta rule's solve, a block of steps at a time; operands must not be empty."""

from typing import Any

import torch
from torch import Tensor

from circulant.algorithms.linear_attention import AttentionProblem
from circulant.backends.native import core
from circulant.backends.native.call import Operand, contiguous_each
from circulant.backends.native.scalars import SCALARS
from circulant.problems.delta_solve import DeltaSolveProblem
from circulant.problems.linear_attention import Decay, split_operands


def solve(problem: AttentionProblem, *operands: Tensor) -> Tensor:
    """y, or the solution; half precision is widened here, for the states are wide all along."""
    p, module = problem, core.load()
    wide = p.dtype if p.dtype == torch.float64 else torch.float32
    names = ("q", "k", "v", *["log decay"] * (p.decay is not Decay.NONE), "the initial state")
    given = [
        Operand(name, operand.to(wide), shape, wide)
        for name, operand, shape in zip(names, operands, p.operand_shapes)
    ]
    always, log_decay, initial = split_operands(tuple(contiguous_each(given, wide)), p.decay)
    result = torch.empty(p.result_shape, dtype=wide)
    module.linear_attention(
        sizes(p),
        module.Scalar[SCALARS[wide]],
        *(operand.data_ptr() for operand in always),
        *(0 if operand is None else operand.data_ptr() for operand in (log_decay, initial)),
        result.data_ptr(),
        torch.get_num_threads(),
        module.Isa[core.instruction_set().name],
    )
    return result.to(p.dtype)


def sizes(problem: AttentionProblem) -> Any:
    p, module = problem, core.load()
    return module.LinearAttentionSizes(
        rows=p.batch * p.heads,
        heads=p.heads,
        length=p.length,
        keys=p.keys,
        values=p.values,
        fading=module.Fading[p.decay.name],
        strict=isinstance(p, DeltaSolveProblem) or p.strict,
        reverse=p.reverse,
        solve=isinstance(p, DeltaSolveProblem),
    )
