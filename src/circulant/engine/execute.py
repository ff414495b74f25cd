"""Runs one problem by its plan."""

import torch
from torch import Tensor

from circulant.backends.table import Implementation
from circulant.engine.choice import Choice
from circulant.engine.doors import autocasts
from circulant.engine.planner import plan
from circulant.problems.problem import Problem


def execute(problem: Problem, operands: tuple[Tensor, ...], choice: Choice) -> Tensor:
    """The result, contiguous and new."""
    lead = operands[0]
    if any(operand.numel() == 0 for operand in operands):
        return lead.new_zeros(problem.result_shape)  # an empty sum
    return settled(plan(problem, choice, lead.device.type).chosen, problem, operands)


def settled(implementation: Implementation, problem: Problem, operands: tuple[Tensor, ...]) -> Tensor:
    """Run it with autocast off: the door has already chosen the dtype."""
    device = operands[0].device.type
    if not autocasts(device):
        return implementation.run(problem, *operands).contiguous()
    with torch.autocast(device, enabled=False):
        return implementation.run(problem, *operands).contiguous()
