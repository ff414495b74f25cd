"""How long implementations take: medians of some rounds in which they take turns."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import inf
from statistics import median
from time import perf_counter
from typing import NamedTuple

import torch

from circulant.algorithms.algorithm import Work
from circulant.backends.native import core as native_core
from circulant.backends.table import IMPLEMENTATIONS, Backend, Implementation
from circulant.engine.example_operands import example_operands
from circulant.engine.machine import ANY, Machine, kind_of
from circulant.engine.planner import is_torch_library
from circulant.problems.problem import Problem

ROUNDS = 5
LARGEST_FLOP = 2e10  # slower than this by any implementation would only lengthen the run
LARGEST_WORKSPACE = 1 << 30
LEVELS = ((1 << 20, 1 << 16), (1 << 24, 1 << 20), (None, 1 << 25))  # bytes moved, and numbers copied to see
PEAK_SIZE = 1536  # rows and columns of the matrices whose product shows the peak


class Timed(NamedTuple):
    """Seconds and work of implementations on one problem, by name."""

    problem: Problem
    calls: Mapping[str, tuple[float, Work]]


def timed(problem: Problem, machine: Machine, worst: float = inf) -> Timed:
    """worst: predicted to take more than so many times the best, one is left out, except torch's own."""
    found = _works(problem, machine, worst)
    operands = example_operands(problem)
    seconds: dict[Implementation, list[float]] = {row: [] for row in found}
    for _ in range(ROUNDS):
        for row in found:
            row.run(problem, *operands)  # fills the caches that the one before has emptied
            start = perf_counter()
            row.run(problem, *operands)
            seconds[row].append(perf_counter() - start)
    return Timed(problem, {str(row): (median(seconds[row]), found[row]) for row in found})


def _works(problem: Problem, machine: Machine, worst: float) -> dict[Implementation, Work]:
    found = {}
    for row in IMPLEMENTATIONS:
        is_native = row.backend is Backend.NATIVE
        if row.problem is not type(problem) or row.backend is Backend.TRITON:  # which runs on no CPU
            continue
        if (is_native and not native_core.is_available()) or row.algorithm.rejects(problem) is not None:
            continue
        work = row.algorithm.work(problem)
        if work.flop <= LARGEST_FLOP and work.workspace(torch.get_num_threads()) <= LARGEST_WORKSPACE:
            found[row] = work
    predicted = {row: machine.seconds(str(row), problem, work.flop, work.byte) for row, work in found.items()}
    limit = worst * min(predicted.values(), default=0.0)
    return {row: work for row, work in found.items() if predicted[row] <= limit or is_torch_library(row)}


def launches(tiny: Sequence[Timed]) -> dict[str, float]:
    """Seconds of a call that computes next to nothing: the shortest of each implementation and kind."""
    found: dict[str, float] = defaultdict(lambda: inf)
    for problem, calls in tiny:
        for name, (seconds, _) in calls.items():
            key = f"{name}, {kind_of(problem)}"
            found[key] = min(found[key], seconds)
    rounded = {name: float(f"{seconds:.2g}") for name, seconds in sorted(found.items())}
    return {ANY: median(rounded.values()), **rounded}


def byte_per_s() -> list[tuple[int | None, float]]:
    """Bytes read and written in a second, by the most bytes moved: within caches, then memory."""
    return [(most, _copied_per_s(torch.ones(count))) for most, count in LEVELS]


def transposed_byte_per_s() -> float:
    """The same from a channels-last tensor to a contiguous one."""
    return _copied_per_s(torch.ones(8, 56, 56, 128).permute(0, 3, 1, 2))


def _copied_per_s(source: torch.Tensor) -> float:
    target, repeats = torch.empty(source.shape), max(1, (1 << 22) // source.numel())
    times = []
    for _ in range(ROUNDS):
        start = perf_counter()
        for _ in range(repeats):
            target.copy_(source)
        times.append((perf_counter() - start) / repeats)
    return float(f"{2 * source.nbytes / median(times):.2g}")


def flop_per_s() -> float:
    """The peak, as a product of matrices in float32 shows it."""
    a, times = torch.ones(PEAK_SIZE, PEAK_SIZE), []
    for _ in range(ROUNDS):
        start = perf_counter()
        a @ a
        times.append(perf_counter() - start)
    return float(f"{2 * PEAK_SIZE**3 / min(times):.2g}")
