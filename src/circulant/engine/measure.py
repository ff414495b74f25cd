"""Times the best few candidates of a plan on random operands, taking turns."""

from statistics import median
from time import perf_counter

import torch
from torch import Tensor

from circulant.engine.choice import Choice
from circulant.engine.example_operands import example_operands
from circulant.engine.execute import settled
from circulant.engine.plan import Candidate, Plan
from circulant.engine.planner import forget_plans, plan
from circulant.engine.wisdom import remember
from circulant.problems.problem import Problem

MEASURED = 4  # candidates that are timed; predictions are rarely wrong by more ranks
ROUNDS = 7


def planned(problem: Problem, choice: Choice, device: str = "cpu", *, measure: bool = False) -> Plan:
    """The plan of the problem; with `measure`, after timing its best few and remembering the times."""
    if measure:
        remember(problem, device, measured_seconds(plan(problem, choice, device), device))
        forget_plans()
    return plan(problem, choice, device)


def measured_seconds(estimate: Plan, device: str) -> dict[str, float]:
    """Median seconds of the best few candidates by prediction, by the name of the implementation."""
    candidates = [c for c in estimate.candidates if c.is_possible][:MEASURED]
    operands = example_operands(estimate.problem, device)
    times: dict[str, list[float]] = {str(c.implementation): [] for c in candidates}
    for turn in range(ROUNDS + 1):
        for candidate in candidates:
            seconds = _time(estimate, candidate, operands)
            if turn > 0:  # the first call also allocates and fills caches
                times[str(candidate.implementation)].append(seconds)
    return {name: median(values) for name, values in times.items()}


def _time(estimate: Plan, candidate: Candidate, operands: tuple[Tensor, ...]) -> float:
    _wait(operands[0])
    start = perf_counter()
    with torch.no_grad():
        settled(candidate.implementation, estimate.problem, operands)
    _wait(operands[0])
    return perf_counter() - start


def _wait(tensor: Tensor) -> None:
    if tensor.device.type == "cuda":
        torch.cuda.synchronize(tensor.device)
