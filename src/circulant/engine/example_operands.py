"""Random operands of a problem, to time implementations on."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.problems.convolution import CHANNELS_LAST, ConvolutionProblem
from circulant.problems.delta_solve import DeltaSolveProblem
from circulant.problems.gathered_conv import NONE, GatheredConvProblem
from circulant.problems.linear_attention import Decay, LinearAttentionProblem
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
    if isinstance(problem, LinearAttentionProblem | DeltaSolveProblem):
        return _remembered(problem, numbers)
    if not isinstance(problem, GatheredConvProblem):
        return numbers
    index = torch.randint(NONE, problem.places, problem.index_shape, generator=generator, device=device)
    return *numbers, index


def _remembered(
    problem: LinearAttentionProblem | DeltaSolveProblem, numbers: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    """Decays below 1, and for a solve the two sides of a delta rule, so that nothing grows."""
    first, k, v, *others = numbers
    if isinstance(problem, DeltaSolveProblem):
        k = F.normalize(k.double(), dim=-1).to(k.dtype)
        first = torch.sigmoid(first[..., :1]) * k
    if problem.decay is not Decay.NONE:
        others[0] = -others[0].abs() / 4
    return first, k, v, *others
