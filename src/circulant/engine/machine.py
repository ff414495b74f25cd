"""Rates of one kind of device, by which the planner predicts times: measured, or its published peaks."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from circulant.core.sizes import product
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.pooling import PoolingProblem
from circulant.problems.problem import Problem

ANY = "any"  # the rate of implementations that a record does not name
IN_PLACE = "direct on torch"  # the one that reads channels-last tensors as they lie
LONG_ROW = 1 << 17  # samples of a transform that leaves a level-2 cache
SLOW_DEPTHWISE_KERNEL = 13  # widest kernel for which torch has a fast channels-first path on a CPU

FEW_CHANNELS = 16  # per group, up to which torch's kernels for dense convolution cannot fill their vectors


@dataclass(frozen=True, slots=True)
class Machine:
    """Launches by implementation and kind of problem, flop_per_s and doubt by implementation and regime;
    fitted, in machines.json."""

    byte_per_s: float
    transposed_byte_per_s: float
    launch_seconds: Mapping[str, float]
    flop_per_s: Mapping[str, float]
    doubt: Mapping[str, float]

    def seconds(self, implementation: str, problem: Problem, flop: float, byte: float) -> float:
        """Roofline time: the slower of arithmetic and memory, plus the launch and a change of layout."""
        rate = self.flop_per_s[self._record(implementation, problem)]
        launches = (f"{implementation}, {kind_of(problem)}", ANY)
        launch = self.launch_seconds[next(name for name in launches if name in self.launch_seconds)]
        moved = 0.0
        if isinstance(problem, ConvolutionProblem) and problem.channels_last and implementation != IN_PLACE:
            moved = 2.0 * problem.dtype.itemsize * product(problem.operand_shapes[0])
        return max(flop / rate, byte / self.byte_per_s) + moved / self.transposed_byte_per_s + launch

    def doubts(self, implementation: str, problem: Problem) -> float:
        """By which factor a predicted time may be wrong; known of convolutions like those of torch."""
        if not isinstance(problem, ConvolutionProblem):
            return 1.0
        return self.doubt.get(self._record(implementation, problem), 1.0)

    def _record(self, implementation: str, problem: Problem) -> str:
        names = [f"{implementation}, {kind}" for kind in regimes(problem)]
        return next(name for name in (*names, implementation, ANY) if name in self.flop_per_s)


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
    kinds = (f"{kind}, strided", kind) if max(problem.stride) > 1 else (kind,)
    return tuple(f"{kind}, channels last" for kind in kinds) + kinds if problem.channels_last else kinds


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
    names = ("byte_per_s", "transposed_byte_per_s", "launch_seconds", "flop_per_s", "doubt")
    return Machine(*(record[name] for name in names))
