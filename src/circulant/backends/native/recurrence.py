"""Linear recurrences along rows, real or complex, and their adjoints; operands must not be empty."""

import torch
from torch import Tensor

from circulant.backends.native import core
from circulant.backends.native.call import Operand, contiguous_each
from circulant.backends.native.scalars import SCALARS
from circulant.problems.recurrence import RecurrenceProblem


def solve(problem: RecurrenceProblem, a: Tensor, x: Tensor, *initial: Tensor) -> Tensor:
    """All states."""
    p, module = problem, core.load()
    names = ("a", "x", "the initial state")
    given = zip(names, (a, x, *initial), p.operand_shapes)
    operands = contiguous_each([Operand(*operand) for operand in given], p.dtype)
    result = torch.empty(p.result_shape, dtype=p.dtype)
    sizes = module.RecurrenceSizes(
        batch=p.batch,
        channels=p.channels,
        length=p.length,
        varying=p.is_varying,
        complex=p.is_complex,
        adjoint=p.adjoint,
    )
    addresses = [operand.data_ptr() for operand in operands]
    module.recurrence(
        sizes,
        module.Scalar[SCALARS[p.dtype]],
        *(addresses if initial else [*addresses, 0]),
        result.data_ptr(),
        torch.get_num_threads(),
        module.Isa[core.instruction_set().name],
    )
    return result
