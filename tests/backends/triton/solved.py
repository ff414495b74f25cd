"""Random operands, and a solution compared with the reference of its problem in float64."""

import sys

import torch

from circulant.core.tolerances import assert_close


def operands_of(problem):
    shapes = problem.operand_shapes
    return [torch.randn(shape, dtype=torch.float64).to(problem.dtype) for shape in shapes]


def reference(problem, *operands):
    solve = sys.modules[type(problem).__module__].reference
    return solve(problem, *(operand.double() for operand in operands))


def assert_solves(solve, problem):
    """Within the table's tolerance, in the problem's dtype, operands left as they were."""
    operands = operands_of(problem)
    copies = [operand.clone() for operand in operands]
    got = solve(problem, *operands)
    assert got.dtype == problem.dtype
    assert got.is_contiguous()
    assert_close(got, reference(problem, *operands), what=str(problem))
    assert all(torch.equal(operand, copy) for operand, copy in zip(operands, copies))
