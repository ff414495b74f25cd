"""Random operands of a problem, to time implementations on."""

import torch
from torch import Tensor

from circulant.problems.gathered_conv import NONE, GatheredConvProblem
from circulant.problems.problem import Problem


def example_operands(problem: Problem, device: str = "cpu", seed: int = 0) -> tuple[Tensor, ...]:
    """All that an implementation takes after the problem."""
    generator = torch.Generator(device).manual_seed(seed)
    numbers = tuple(
        torch.randn(shape, generator=generator, device=device).to(problem.dtype)
        for shape in problem.operand_shapes
    )
    if not isinstance(problem, GatheredConvProblem):
        return numbers
    index = torch.randint(
        NONE, problem.places, problem.index_shape, generator=generator, device=device
    )
    return *numbers, index
