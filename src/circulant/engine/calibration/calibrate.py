"""A machine's record, from the times of many problems."""

import platform
from collections.abc import Iterator, Sequence
from datetime import date
from math import inf
from typing import Any

import torch

from circulant.backends.native import core as native_core
from circulant.engine.calibration.fit import costs, doubts
from circulant.engine.calibration.problems import PROBLEMS, TINY, drawn_convolutions
from circulant.engine.calibration.timing import (
    Timed,
    byte_per_s,
    flop_per_s,
    launches,
    timed,
    transposed_byte_per_s,
)
from circulant.engine.machine import Machine, default_machine
from circulant.problems.problem import Problem

WORST = 4.0  # of the drawn problems, only what may come near the best is timed
UNITS = {
    "flop_per_s": "as a product of matrices shows it",
    "byte_per_s": "most bytes moved, and bytes copied per second: within caches, then memory",
    "transposed_byte_per_s": "the same from channels-last to contiguous",
    "launch_seconds": "seconds of a call that computes next to nothing",
    "costs": "of each regime: seconds per FLOP, passes over the bytes",
    "doubts": "of each regime: by what factor it may be slower beside torch's own than predicted",
}


def problems() -> Sequence[tuple[Problem, float]]:
    """What is timed, and up to how many times the best prediction."""
    named = [(problem, inf) for problem in (*TINY, *PROBLEMS)]
    return [*named, *((problem, WORST) for problem in drawn_convolutions())]


def measurements() -> Iterator[tuple[str, Timed]]:
    """Each problem's name and times, in the order of `problems`; without gradients, on a CPU."""
    machine = default_machine()
    for problem, worst in problems():
        with torch.no_grad():
            yield str(problem), timed(problem, machine, worst)


def record_of(times: Sequence[Timed]) -> dict[str, Any]:
    """What machines.json holds of a machine, from all measurements."""
    tiny, telling = times[: len(TINY)], times[len(TINY) :]
    bandwidths, transposed, launch, peak = byte_per_s(), transposed_byte_per_s(), launches(tiny), flop_per_s()
    cost = costs(telling, Machine(bandwidths, transposed, launch, {}, {}), peak)
    return {
        "device": _device(),
        "date": date.today().isoformat(),
        "units": UNITS,
        "command": "circulant calibrate",
        "flop_per_s": peak,
        "byte_per_s": bandwidths,
        "transposed_byte_per_s": transposed,
        "launch_seconds": launch,
        "costs": cost,
        "doubts": doubts(telling, Machine(bandwidths, transposed, launch, cost, {})),
    }


def _device() -> str:
    level = native_core.instruction_set().value if native_core.is_available() else "none"
    return (
        f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, "
        f"torch {torch.__version__}, float32, native core: {level}"
    )
