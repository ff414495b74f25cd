"""Runs one problem by its plan."""

import torch
from torch import Tensor

from circulant.engine.choice import Choice
from circulant.engine.planner import plan
from circulant.problems.problem import Problem


def execute(problem: Problem, operands: tuple[Tensor, ...], choice: Choice) -> Tensor:
    """The result, contiguous and new. Autocast has been settled at the door and is off inside."""
    lead = operands[0]
    if any(operand.numel() == 0 for operand in operands):
        return lead.new_zeros(problem.result_shape)  # an empty sum
    run = plan(problem, choice, lead.device.type).chosen.run
    if torch.is_autocast_enabled(lead.device.type):
        with torch.autocast(lead.device.type, enabled=False):
            return run(problem, *operands).contiguous()
    return run(problem, *operands).contiguous()
