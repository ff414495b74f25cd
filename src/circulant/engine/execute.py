"""Runs one problem by its plan."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from circulant.backends.table import Implementation
from circulant.engine.choice import Choice
from circulant.engine.doors import autocasts
from circulant.engine.planner import plan
from circulant.problems.problem import Problem
from circulant.problems.trilinear import OPERANDS, Slot, TrilinearProblem


def execute(problem: Problem, operands: tuple[Tensor, ...], choice: Choice) -> Tensor:
    """The result, contiguous and new."""
    lead = operands[0]
    if any(operand.numel() == 0 for operand in operands):
        return lead.new_zeros(problem.result_shape)  # an empty sum
    return settled(plan(problem, choice, lead.device.type).chosen, problem, operands)


def execute_gradients(
    problem: TrilinearProblem, first: Tensor, second: Tensor, cotangent: Tensor, choice: Choice
) -> tuple[Tensor, Tensor]:
    """Those of both operands of a problem solved for its output, in one run where there is one for both."""
    device = first.device.type
    slots = OPERANDS[Slot.OUTPUT]
    if first.numel() and second.numel():
        one, other = (plan(problem.for_slot(slot), choice, device).chosen for slot in slots)
        if one is other and one.gradients is not None and _fits(one, problem, choice):
            with without_autocast(device):
                made = one.gradients(problem, first, second, cotangent)
            return made[0].contiguous(), made[1].contiguous()
    return (
        execute(problem.for_slot(slots[0]), (cotangent, second), choice),
        execute(problem.for_slot(slots[1]), (first, cotangent), choice),
    )


def _fits(implementation: Implementation, problem: TrilinearProblem, choice: Choice) -> bool:
    """Whether both gradients at once stay within the limit: they take no more than the sum of the two."""
    if choice.workspace_limit is None:
        return True
    works = (implementation.algorithm.work(problem.for_slot(slot)) for slot in OPERANDS[Slot.OUTPUT])
    return sum(work.workspace(torch.get_num_threads()) for work in works) <= choice.workspace_limit


def settled(implementation: Implementation, problem: Problem, operands: tuple[Tensor, ...]) -> Tensor:
    """Run it with autocast off: the door has already chosen the dtype."""
    with without_autocast(operands[0].device.type):
        return implementation.run(problem, *operands).contiguous()


def without_autocast(device: str) -> AbstractContextManager[Any]:
    return torch.autocast(device, enabled=False) if autocasts(device) else nullcontext()
