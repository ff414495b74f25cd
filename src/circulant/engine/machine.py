"""Rates of one kind of device, by which the planner predicts times: measured, or its published peaks."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.pooling import PoolingProblem
from circulant.problems.problem import Problem

ANY = "any"  # the rate of implementations that a record does not name
SLOW_DEPTHWISE_KERNEL = 13  # widest kernel for which torch has a fast channels-first path on a CPU

FEW_CHANNELS = 16  # per group, up to which torch's kernels for dense convolution cannot fill their vectors


@dataclass(frozen=True, slots=True)
class Machine:
    """flop_per_s by implementation and regime; the fitted numbers live in machines.json."""

    byte_per_s: float
    launch_seconds: float
    flop_per_s: Mapping[str, float]

    def seconds(self, implementation: str, problem: Problem, flop: float, byte: float) -> float:
        """Roofline time: the slower of arithmetic and memory, plus the launch."""
        names = (f"{implementation}, {regime(problem)}", implementation)
        rate = self.flop_per_s[next((name for name in names if name in self.flop_per_s), ANY)]
        return max(flop / rate, byte / self.byte_per_s) + self.launch_seconds


def regime(problem: Problem) -> str:
    """The classes of problem in which torch's kernels run at rates of different order."""
    if isinstance(problem, LongConvProblem):
        return "depthwise 1-D"
    if isinstance(problem, PoolingProblem):
        return f"{problem.mode.value} pooling {problem.ndim}-D"
    if not isinstance(problem, ConvolutionProblem):
        return type(problem).__name__.removesuffix("Problem")
    if not problem.is_depthwise:
        few = problem.in_channels // problem.groups <= FEW_CHANNELS and problem.ndim < 3
        kind = "few channels" if few else "dense"
        return f"{kind} 1-D" if problem.ndim == 1 else kind
    if problem.ndim == 2 and max(problem.kernel) <= SLOW_DEPTHWISE_KERNEL:
        return "depthwise 2-D, small kernel"
    return f"depthwise {problem.ndim}-D"


@lru_cache(maxsize=8)
def default_machine(device: str = "cpu") -> Machine:
    """The record of that kind of device; those without one are ranked as the CPU."""
    records = json.loads(files("circulant.engine").joinpath("machines.json").read_text())
    record = records.get(device, records["cpu"])
    return Machine(record["byte_per_s"], record["launch_seconds"], record["flop_per_s"])
