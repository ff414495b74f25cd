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
LONG_ROW = 1 << 17  # samples of a transform that leaves a level-2 cache
SLOW_DEPTHWISE_KERNEL = 13  # widest kernel for which torch has a fast channels-first path on a CPU

FEW_CHANNELS = 16  # per group, up to which torch's kernels for dense convolution cannot fill their vectors


@dataclass(frozen=True, slots=True)
class Machine:
    """Launches by implementation and kind of problem, flop_per_s by implementation and regime; fitted, in
    machines.json."""

    byte_per_s: float
    launch_seconds: Mapping[str, float]
    flop_per_s: Mapping[str, float]

    def seconds(self, implementation: str, problem: Problem, flop: float, byte: float) -> float:
        """Roofline time: the slower of arithmetic and memory, plus the launch."""
        names = [f"{implementation}, {kind}" for kind in regimes(problem)]
        known = (name for name in (*names, implementation, ANY) if name in self.flop_per_s)
        rate = self.flop_per_s[next(known)]
        launches = (f"{implementation}, {kind_of(problem)}", ANY)
        launch = self.launch_seconds[next(name for name in launches if name in self.launch_seconds)]
        return max(flop / rate, byte / self.byte_per_s) + launch


def kind_of(problem: Problem) -> str:
    return type(problem).__name__.removesuffix("Problem")


def regimes(problem: Problem) -> tuple[str, ...]:
    """The classes of problem in which kernels run at rates of different order, the narrowest first."""
    if isinstance(problem, LongConvProblem):
        samples = problem.transform_room
        return ("long rows",) if samples > LONG_ROW else ("rows",)
    if isinstance(problem, PoolingProblem):
        return (f"{problem.mode.value} pooling {problem.ndim}-D",)
    if not isinstance(problem, ConvolutionProblem):
        return (kind_of(problem),)
    kind = f"{_kind(problem)} {problem.ndim}-D"
    return (f"{kind}, strided", kind) if max(problem.stride) > 1 else (kind,)


def _kind(problem: ConvolutionProblem) -> str:
    if problem.is_depthwise:
        return "depthwise" if max(problem.kernel) > SLOW_DEPTHWISE_KERNEL else "small depthwise"
    if max(problem.kernel) == 1:
        return "pointwise"
    if problem.in_channels // problem.groups <= FEW_CHANNELS:
        return "few channels"
    return "dense" if problem.groups == 1 else "grouped"


@lru_cache(maxsize=8)
def default_machine(device: str = "cpu") -> Machine:
    """The record of that kind of device; those without one are ranked as the CPU."""
    records = json.loads(files("circulant.engine").joinpath("machines.json").read_text())
    record = records.get(device, records["cpu"])
    return Machine(record["byte_per_s"], record["launch_seconds"], record["flop_per_s"])
