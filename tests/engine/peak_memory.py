"""How much memory a call takes besides its result: by torch's own count, and by the system's.

As a program it reads pickled cases and writes what each call of the native core takes, each measured in a
process of its own.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from circulant.backends.table import IMPLEMENTATIONS, Implementation
from circulant.engine.example_operands import example_operands

EVERY_BUFFER_APART = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}


def allocated_byte(call: Callable[[], Tensor]) -> int:
    """The most that torch's CPU allocator holds at once during the call, less the result."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        result = call()
    events = [e for e in recorded.profiler.kineto_results.events() if e.name() == "[memory]"]
    held = most = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        held += event.nbytes()
        most = max(most, held)
    assert most > 0, "the profiler saw no allocation, not even that of the result"
    return most - result.numel() * result.element_size()


@dataclass(frozen=True)
class Case:
    """A call of an implementation, by its name, with so many threads."""

    implementation: str
    problem: Any
    threads: int = 1

    @property
    def row(self) -> Implementation:
        (row,) = (
            row
            for row in IMPLEMENTATIONS
            if row.problem is type(self.problem) and str(row) == self.implementation
        )
        return row


def native_byte(cases: list[Case]) -> list[int]:
    """What the process grows by in each call, less the result."""
    folder = Path(__file__).resolve().parents[2]
    answer = subprocess.run(
        [sys.executable, "-m", "tests.engine.peak_memory"], input=pickle.dumps(cases), cwd=folder,
        env={**os.environ, **EVERY_BUFFER_APART}, capture_output=True, check=True,
    )  # fmt: skip
    return pickle.loads(answer.stdout)


def _in_a_child(measure: Callable[[], int]) -> int:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, pickle.dumps(measure()))
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    answer = os.read(reading, 1 << 10)
    os.close(reading)
    assert answer, "a call failed in its own process"
    return pickle.loads(answer)


def _grown_byte(case: Case) -> int:
    torch.set_num_threads(case.threads)
    operands = example_operands(case.problem)
    Path("/proc/self/clear_refs").write_text("5")  # the highest resident size begins anew
    before = _status_byte("VmRSS")
    result = case.row.run(case.problem, *operands)
    return _status_byte("VmHWM") - before - result.numel() * result.element_size()


def _status_byte(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(field + ":"))
    return int(line.split()[1]) << 10


def _answer() -> None:
    torch.set_num_threads(1)  # torch's own threads would not survive the fork
    found = [_in_a_child(lambda case=case: _grown_byte(case)) for case in pickle.load(sys.stdin.buffer)]
    sys.stdout.buffer.write(pickle.dumps(found))


if __name__ == "__main__":
    sys.modules["tests.engine.peak_memory"] = sys.modules["__main__"]  # where the cases' class is known
    _answer()
