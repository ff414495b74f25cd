"""Chooses the cheapest implementation that accepts a problem."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import inf
from typing import Any

import torch

from circulant.algorithms.algorithm import AlgorithmName, Rejected
from circulant.backends.native import core as native_core
from circulant.backends.table import IMPLEMENTATIONS, Backend, Implementation
from circulant.backends.triton import refusal as triton_refusal
from circulant.core.errors import NoPlanError
from circulant.engine.choice import FREE, Choice
from circulant.engine.machine import Machine, default_machine
from circulant.engine.plan import Candidate, Plan
from circulant.engine.wisdom import recall
from circulant.problems.conv_first_block import ConvFirstBlockProblem
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.pooling import PoolingProblem
from circulant.problems.problem import Problem

# Problems whose doors call torch's function itself where it is the plan.
KNOWN_TO_TORCH = frozenset({ConvolutionProblem, PoolingProblem, ConvFirstBlockProblem})
DISPATCH = 2e-5  # seconds around a kernel of ours, less those around torch's own
SAVED = 0.5  # of the time of a call and its gradients that makes an operator around them worth while

_made_from_plans: list[dict[Any, bool]] = []


def plan(problem: Problem, choice: Choice = FREE, device: str = "cpu") -> Plan:
    """Every candidate, fastest first: those measured, then the others by prediction.

    The reasons of refused candidates are in the plan; if none is left, NoPlanError tells them.
    """
    return _planned(problem, choice, device, torch.get_num_threads())


def forget_plans() -> None:
    """What was measured since, or set in the environment, counts from the next plan on."""
    _planned.cache_clear()
    for memory in _made_from_plans:
        memory.clear()


def remember_until_forgotten() -> dict[Any, bool]:
    """A memory of decisions made from plans, emptied when those are forgotten."""
    memory: dict[Any, bool] = {}
    _made_from_plans.append(memory)
    return memory


@lru_cache(maxsize=4096)
def _planned(problem: Problem, choice: Choice, device: str, threads: int) -> Plan:
    """threads: those that the workspace, and measured times, are for."""
    machine = default_machine(device)
    rows = [row for row in IMPLEMENTATIONS if row.problem is type(problem)]
    measured = recall(problem, device)
    candidates = [
        _weigh(row, problem, choice, device, threads, machine, measured.get(str(row))) for row in rows
    ]
    order = _order(candidates, problem, machine)
    ranked = Plan(problem, tuple(order), threads)
    if not ranked.candidates[0].is_possible:
        raise NoPlanError(f"expected an implementation that accepts the problem, but\n{ranked}")
    return ranked


def is_left_to_torch(plans: Iterable[Plan]) -> bool:
    """Whether torch's own function is to run them all; several are a call and its gradients."""
    count, torchs, saved = 0, 0.0, 0.0
    for each in plans:
        own, chosen = _own(each.candidates), each.candidates[0]
        if own is None or own.is_measured != chosen.is_measured:
            return False
        count, torchs, saved = count + 1, torchs + own.seconds, saved + own.seconds - chosen.seconds
    return saved <= (SAVED * torchs if count > 1 else 0.0)


def _own(candidates: Sequence[Candidate]) -> Candidate | None:
    return next((c for c in candidates if c.is_possible and is_torch_library(c.implementation)), None)


def _order(candidates: list[Candidate], problem: Problem, machine: Machine) -> list[Candidate]:
    """The measured first, then by time; but torch's own comes first where no other is faster beyond doubt."""
    # A prediction may be too good; what was measured was the best few of them.
    is_measured = any(c.is_measured for c in candidates)
    order = sorted(candidates, key=lambda c: (is_measured and not c.is_measured, c.seconds))
    own = _own(order)
    other = next((c for c in order if c.is_possible and c is not own), None)
    if own is None or other is None or _is_faster(other, own, problem, machine):
        return order
    return [own, *(c for c in order if c is not own)]


def _is_faster(other: Candidate, own: Candidate, problem: Problem, machine: Machine) -> bool:
    """Whether the other takes less time, with what is around it, even if predictions are wrong."""
    if own.is_measured != other.is_measured:
        return other.is_measured
    if own.is_measured:
        return other.seconds + DISPATCH < own.seconds
    doubt = machine.doubt(str(other.implementation), problem)
    return doubt * other.seconds + DISPATCH < own.seconds


def is_torch_library(implementation: Implementation) -> bool:
    """torch's own kernel in the layout given: it can be called with nothing of ours around it."""
    is_direct = implementation.algorithm.name is AlgorithmName.DIRECT
    return is_direct and implementation.backend is Backend.TORCH and implementation.problem in KNOWN_TO_TORCH


def _weigh(
    row: Implementation,
    problem: Problem,
    choice: Choice,
    device: str,
    threads: int,
    machine: Machine,
    measured: float | None,
) -> Candidate:
    refusal = _refusal(row, problem, choice, device) or row.algorithm.rejects(problem)
    if refusal is not None:
        return Candidate(row, refusal, inf)
    work = row.algorithm.work(problem)
    if choice.workspace_limit is not None and work.workspace(threads) > choice.workspace_limit:
        limit = f"the limit is {choice.workspace_limit:.3g}"
        return Candidate(
            row, Rejected(f"needs {work.workspace(threads):.3g} bytes of workspace, {limit}"), inf
        )
    if choice.tolerance is not None and work.error(problem.dtype) > choice.tolerance:
        error = f"expects an error of {work.error(problem.dtype):.1e}, tolerance {choice.tolerance:.1e}"
        return Candidate(row, Rejected(error), inf)
    if measured is not None:
        return Candidate(row, work, measured, is_measured=True)
    if row.backend is Backend.TRITON:
        machine = default_machine("cuda")  # what its kernels are for, though the interpreter may run them
    return Candidate(row, work, machine.seconds(str(row), problem, work.flop, work.byte))


def _refusal(row: Implementation, problem: Problem, choice: Choice, device: str) -> Rejected | None:
    if choice.algorithm not in (None, row.algorithm.name):
        return Rejected(f"the caller asked for algorithm {choice.algorithm.value}")
    if choice.backend not in (None, row.backend):
        return Rejected(f"the caller asked for backend {choice.backend.value}")
    if row.backend is Backend.TRITON:
        reason = triton_refusal.why_refused(problem, device, choice.backend is Backend.TRITON)
        return Rejected(reason) if reason else None
    if row.backend is not Backend.NATIVE:
        return None
    if device != "cpu":
        return Rejected(f"runs on a CPU, the tensors are on {device}")
    if not native_core.is_available():
        return Rejected(f"the native core is not there: {native_core.why_missing()}")
    return None
