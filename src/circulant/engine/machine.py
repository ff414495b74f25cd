"""Rates of one kind of device, by which the planner predicts times: measured, or its published peaks."""

import json
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from circulant.core.atomic_file import write_atomically
from circulant.core.sizes import product
from circulant.engine.wisdom import machine_key, wisdom_path
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.pooling import PoolingProblem
from circulant.problems.problem import Problem
from circulant.problems.transform import TransformProblem
from circulant.problems.trilinear import Slot

ANY = "any"  # the launch, the cost and the doubt where a record names none
IN_PLACE = "direct on torch"  # the one that reads channels-last tensors as they lie
LONG_ROW = 1 << 17  # samples of a transform that leaves a level-2 cache
SMALLEST_DEPTHWISE_KERNEL = 3  # up to which torch's gradients are fast too
NARROW_DEPTHWISE_KERNEL = 7  # up to which a direct kernel hardly waits for arithmetic
SMALL = "small depthwise"
SHORT_DEPTHWISE_ROW = 9  # taps side by side, up to which torch's channels-last kernel is fast
SLOW_DEPTHWISE_SPAN = 13  # of the widest kernel for which torch has a fast channels-first path on a CPU
FEW_CHANNELS = 16  # per group, up to which torch's kernels for dense convolution cannot fill their vectors


class Cost(NamedTuple):
    """What an implementation takes on the problems of a regime."""

    seconds_per_flop: float
    passes: float  # how often its bytes are moved, in effect


@dataclass(frozen=True, slots=True)
class Machine:
    """Launches by implementation and kind of problem; costs and doubts by implementation and regime.

    They are fitted, and lie in machines.json.
    """

    byte_per_s: Sequence[tuple[float | None, float]]  # of calls that move up to so many bytes, the last: any
    transposed_byte_per_s: float
    launch_seconds: Mapping[str, float]
    costs: Mapping[str, Cost]
    doubts: Mapping[str, float]

    def seconds(self, implementation: str, problem: Problem, flop: float, byte: float) -> float:
        """Arithmetic, memory, the launch, and a change of layout."""
        cost = self.cost(implementation, problem)
        launches = (f"{implementation}, {kind_of(problem)}", ANY)
        launch = self.launch_seconds[next(name for name in launches if name in self.launch_seconds)]
        moved = 0.0
        if isinstance(problem, ConvolutionProblem) and problem.channels_last and implementation != IN_PLACE:
            moved = 2.0 * problem.dtype.itemsize * product(problem.operand_shapes[0])
        changing = moved / self.transposed_byte_per_s
        return flop * cost.seconds_per_flop + cost.passes * byte / self.bandwidth(byte) + changing + launch

    def bandwidth(self, byte: float) -> float:
        """Bytes per second where so many are moved, in the smallest cache that holds them or in memory."""
        return next(rate for most, rate in self.byte_per_s if most is None or byte <= most)

    def cost(self, implementation: str, problem: Problem) -> Cost:
        names = [f"{implementation}, {kind}" for kind in regimes(problem)]
        return self.costs[next(name for name in (*names, implementation, ANY) if name in self.costs)]

    def doubt(self, implementation: str, problem: Problem) -> float:
        """By what factor it may be slower than predicted, beside torch's own."""
        names = (*(f"{implementation}, {kind}" for kind in regimes(problem)), ANY)
        return self.doubts[next(name for name in names if name in self.doubts)]


def kind_of(problem: Problem) -> str:
    return type(problem).__name__.removesuffix("Problem")


def regimes(problem: Problem) -> tuple[str, ...]:
    """The classes of problem in which kernels run at rates of different order, the narrowest first."""
    if isinstance(problem, LongConvProblem):
        samples = problem.transform_room
        return ("long rows",) if samples > LONG_ROW else ("rows",)
    if isinstance(problem, PoolingProblem):
        return (f"{problem.mode.value} pooling {problem.ndim}-D",)
    if isinstance(problem, TransformProblem):
        return (transform_regime(problem), kind_of(problem))
    if not isinstance(problem, ConvolutionProblem):
        return (kind_of(problem),)
    kinds = _convolution_regimes(problem)
    return tuple(f"{kind}, channels last" for kind in kinds) + kinds if problem.channels_last else kinds


def _convolution_regimes(problem: ConvolutionProblem) -> tuple[str, ...]:
    """By the steps of the output; depthwise ones also by those between taps and by what is solved for."""
    kind = f"{_kind(problem)} {problem.ndim}-D"
    names = [f"{kind}, strided", kind] if max(problem.stride) > 1 else [kind]
    if not problem.is_depthwise:
        return tuple(names)
    if max(problem.dilation) > 1:
        names.insert(0, f"{names[0]}, dilated")
    if problem.slot is not Slot.OUTPUT:
        names = [*(f"{name}, for the {problem.slot.value}" for name in names), *names]
    elif problem.channels_last and _kind(problem) == SMALL and max(problem.kernel) > SHORT_DEPTHWISE_ROW:
        names.insert(0, f"{names[0]}, long rows")
    return tuple(names)


def transform_regime(problem: TransformProblem) -> str:
    """torch has fast paths for some of these only."""
    kind = problem.kind
    name = "cosine" if kind.is_cosine else "complex" if kind.is_complex else "real"
    back = ", back" if kind.takes_half_spectrum else ""
    return f"{name} transform{back}, {'one axis' if len(problem.sizes) == 1 else 'several axes'}"


def _kind(problem: ConvolutionProblem) -> str:
    if problem.is_depthwise:
        if max(problem.effective_kernel) > SLOW_DEPTHWISE_SPAN:
            return "depthwise"
        if max(problem.kernel) <= SMALLEST_DEPTHWISE_KERNEL:
            return "smallest depthwise"
        return "narrow depthwise" if max(problem.kernel) <= NARROW_DEPTHWISE_KERNEL else SMALL
    if max(problem.kernel) == 1:
        return "pointwise"
    if problem.in_channels // problem.groups <= FEW_CHANNELS:
        return "few channels"
    return "dense" if problem.groups == 1 else "grouped"


def default_machine(device: str = "cpu") -> Machine:
    """What was calibrated on this machine, else the record of its kind of device, else that of the CPU."""
    return _machine(device, machine_key(device), own_machines_path())


def own_machines_path() -> Path:
    """machines.json in the folder of measured times."""
    return wisdom_path().with_name("machines.json")


def add_record(path: Path, name: str, record: Mapping[str, Any]) -> None:
    """Beside the records that the file holds, in place of an older one."""
    records = {**_own_records(path), name: record}
    text = json.dumps(records, indent=2) + "\n"
    write_atomically(path, re.sub(r"\[[^][{}]*\]", lambda numbers: " ".join(numbers[0].split()), text))
    _machine.cache_clear()


@lru_cache(maxsize=8)
def _machine(device: str, key: str, path: Path) -> Machine:
    own = _own_records(path).get(key)
    if own is not None:
        return _from_record(own)
    records = json.loads(files("circulant.engine").joinpath("machines.json").read_text())
    return _from_record(records.get(device, records["cpu"]))


def _own_records(path: Path) -> dict[str, Any]:
    try:
        records = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        for record in records.values():
            _from_record(record)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        warnings.warn(
            f"expected what circulant calibrate wrote in {path}, got something else "
            f"({type(error).__name__}: {error}); it is passed over, calibrate again",
            stacklevel=2,
        )
        return {}
    return dict(records)


def _from_record(record: Mapping[str, Any]) -> Machine:
    costs = {name: Cost(*numbers) for name, numbers in record["costs"].items()}
    bandwidths = record["byte_per_s"], record["transposed_byte_per_s"]
    return Machine(*bandwidths, record["launch_seconds"], costs, record["doubts"])
