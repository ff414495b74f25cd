"""Random operands of a problem, to time implementations on."""

import torch
from torch import Tensor

from circulant.problems.convolution import CHANNELS_LAST, ConvolutionProblem
from circulant.problems.gathered_conv import NONE, GatheredConvProblem
from circulant.problems.problem import Problem


def example_operands(problem: Problem, device: str = "cpu", seed: int = 0) -> tuple[Tensor, ...]:
    """All that an implementation takes after the problem."""
    generator = torch.Generator(device).manual_seed(seed)
    numbers = tuple(
        torch.randn(shape, generator=generator, device=device).to(problem.dtype)
        for shape in problem.operand_shapes
    )
    if isinstance(problem, ConvolutionProblem) and problem.channels_last:
        return numbers[0].contiguous(memory_format=CHANNELS_LAST[problem.ndim]), *numbers[1:]
    if not isinstance(problem, GatheredConvProblem):
        return numbers
    index = torch.randint(NONE, problem.places, problem.index_shape, generator=generator, device=device)
    return *numbers, index
