"""Fits the planner's numbers: costs of every implementation by regime, bytes per second, launches.

    python benchmarks/engine/rates.py [--write]

Prints the fit as JSON; --write puts it into src/circulant/engine/machines.json.
"""

import argparse
import json
import platform
import random
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from math import inf
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

import numpy as np
import torch
from sample_problems import candidate, is_affordable
from scipy.optimize import least_squares

from circulant.algorithms.algorithm import Work
from circulant.backends.native import core as native_core
from circulant.backends.table import IMPLEMENTATIONS, Backend, Implementation
from circulant.engine.example_operands import example_operands
from circulant.engine.machine import ANY, IN_PLACE, Cost, Machine, default_machine, kind_of, regimes
from circulant.engine.planner import is_torch_library
from circulant.problems.conv_first_block import BlockActivation, ConvFirstBlockProblem
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.frequency_sparse_conv import FrequencySparseConvProblem
from circulant.problems.gathered_conv import GatheredConvProblem
from circulant.problems.inverse_conv import InverseConvProblem
from circulant.problems.local_conv import LocalConvProblem
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.pooling import PoolingProblem, PoolMode
from circulant.problems.problem import Problem
from circulant.problems.recurrence import RecurrenceProblem
from circulant.problems.sampled_conv import SampledConvProblem
from circulant.problems.selective_scan import SelectiveScanProblem
from circulant.problems.transform import TransformKind, TransformProblem
from circulant.problems.trilinear import Slot

TARGET = Path(__file__).parents[2] / "src/circulant/engine/machines.json"
ROUNDS = 7
FITTABLE = 4  # problems from which two numbers are found
LARGEST_FLOP = 2e10  # slower than this by any implementation would only lengthen the run
LARGEST_WORKSPACE = 1 << 30
DRAWN = 300
TELLING = 3e-4  # seconds below which a call says more about launches than about rates
DOUBTFUL = 0.1  # share of a regime's problems that may be slower than the planner fears
FEW = 2.0  # problems that double a doubt
UNTRIED = 100.0  # the doubt where nothing was measured, so great that torch's own stays
LEAST_PER_FLOP, MOST_PASSES = 2e-12, 8.0  # what no kernel surpasses: costs beyond are of something else
LEVELS = ((1 << 20, 1 << 16), (1 << 24, 1 << 20), (inf, 1 << 25))  # bytes moved, and numbers copied to see
WORST = 8.0  # of the drawn problems, only what may come near the best is timed


class Measured(NamedTuple):
    problem: Problem
    timings: dict[str, tuple[float, Work]]


class Sample(NamedTuple):
    """Seconds of a call but its launch, what it computes, and seconds in which its bytes could be copied."""

    seconds: float
    flop: float
    moving: float


def convolution(batch, channels, out, spatial, kernel, groups) -> ConvolutionProblem:
    ones = (1,) * len(spatial)
    padding = tuple((k // 2, k // 2) for k in kernel)
    return ConvolutionProblem(
        torch.float32, Slot.OUTPUT, batch, channels, out, spatial, kernel, ones, padding, ones, groups
    )


def pooling(mode, spatial, kernel) -> PoolingProblem:
    ndim = len(spatial)
    sides = (kernel // 2,) * ndim
    return PoolingProblem(torch.float32, mode, 8, 64, spatial, (kernel,) * ndim, (1,) * ndim, sides)


def depthwise(batch, channels, spatial, width) -> ConvolutionProblem:
    return convolution(batch, channels, channels, spatial, (width,) * len(spatial), channels)


LOCAL = depthwise(4, 64, (28, 28), 7)
PROBLEMS: tuple[Problem, ...] = (
    convolution(8, 64, 64, (56, 56), (3, 3), 1),
    convolution(8, 256, 256, (14, 14), (3, 3), 1),
    convolution(8, 64, 128, (1024,), (9,), 1),
    convolution(2, 16, 16, (16, 16, 16), (3, 3, 3), 1),
    convolution(8, 256, 256, (14, 14), (1, 1), 1),
    convolution(8, 3, 64, (112, 112), (7, 7), 1),
    convolution(8, 8, 8, (112, 112), (3, 3), 1),
    convolution(8, 96, 96, (56, 56), (3, 3), 12),
    convolution(8, 8, 8, (65536,), (9,), 1),
    convolution(8, 1, 16, (65536,), (5,), 1),
    depthwise(8, 64, (56, 56), 3),
    depthwise(8, 64, (28, 28), 7),
    depthwise(16, 128, (14, 14), 5),
    depthwise(32, 128, (14, 14), 7),
    depthwise(16, 96, (28, 28), 5),
    depthwise(16, 96, (56, 56), 5),
    depthwise(16, 96, (56, 56), 7),
    depthwise(4, 64, (112, 112), 3),
    depthwise(4, 64, (112, 112), 7),
    depthwise(4, 64, (56, 56), 13),
    depthwise(1, 32, (28, 28), 31),
    depthwise(1, 16, (56, 56), 31),
    depthwise(8, 128, (1024,), 5),
    depthwise(4, 64, (1024,), 65),
    depthwise(2, 16, (12, 12, 12), 5),
    *(
        LongConvProblem(torch.float32, Slot.OUTPUT, *sizes, 0, False)
        for sizes in (
            (8, 96, 64, 64), (4, 64, 256, 256), (8, 96, 1024, 1024), (2, 32, 4096, 64), (2, 32, 65536, 1024),
            (2, 16, 65536, 65536), (1, 4, 1 << 20, 1 << 20), (1, 4, 1 << 20, 4096),
        )
    ),
    LongConvProblem(torch.float32, Slot.OUTPUT, 2, 32, 16384, 16384, 0, False),
    LongConvProblem(torch.float32, Slot.OUTPUT, 2, 64, 16384, 63, 0, False),
    FrequencySparseConvProblem(torch.float32, Slot.OUTPUT, 4, 64, 2048, 2048, 4096, 1024),
    ConvFirstBlockProblem(torch.float32, BlockActivation.SILU, 2, 64, (28, 28), 3, 8, 192),
    LocalConvProblem(torch.float32, Slot.OUTPUT, 4, LOCAL),
    SampledConvProblem(torch.float32, 4, depthwise(2, 64, (28, 28), 3)),
    SampledConvProblem(torch.float32, 4, depthwise(2, 64, (28, 28), 3)).gradients(),
    GatheredConvProblem(torch.float32, Slot.OUTPUT, 4, 64, 64, 784, 784, 7, 1),
    GatheredConvProblem(torch.float32, Slot.OUTPUT, 4, 64, 64, 784, 784, 7, 64),
    TransformProblem(torch.float32, TransformKind.RFFT, 4096, 196),
    TransformProblem(torch.float32, TransformKind.FFT, 512, 1024),
    *(pooling(mode, (56, 56), kernel) for mode in PoolMode for kernel in (3, 13)),
    *(pooling(mode, (4096,), kernel) for mode in PoolMode for kernel in (3, 31)),
    InverseConvProblem(torch.float32, 16, 12, (28, 28), (3, 3), False),
    RecurrenceProblem(torch.float32, 8, 128, 1024, True, False, False, False),
    RecurrenceProblem(torch.float32, 8, 128, 1024, False, True, False, False),
    SelectiveScanProblem(torch.float32, 2, 128, 1, 16, 512, False),
    SelectiveScanProblem(torch.float32, 2, 128, 1, 16, 512, True),
)


# What is left of a call when there is nothing to compute.
TINY: tuple[Problem, ...] = (
    convolution(1, 1, 1, (8,), (3,), 1),
    convolution(1, 1, 1, (8, 8), (3, 3), 1),
    convolution(1, 2, 2, (4, 4, 4), (3, 3, 3), 1),
    depthwise(1, 2, (8, 8), 3),
    LongConvProblem(torch.float32, Slot.OUTPUT, 1, 1, 8, 8, 0, False),
    LongConvProblem(torch.float32, Slot.OUTPUT, 1, 1, 600, 2, 0, False),
    FrequencySparseConvProblem(torch.float32, Slot.OUTPUT, 1, 1, 8, 8, 16, 4),
    LocalConvProblem(torch.float32, Slot.OUTPUT, 1, depthwise(1, 2, (4, 4), 3)),
    SampledConvProblem(torch.float32, 1, depthwise(1, 2, (4, 4), 3)),
    SampledConvProblem(torch.float32, 1, depthwise(1, 2, (4, 4), 3)).gradients(),
    GatheredConvProblem(torch.float32, Slot.OUTPUT, 1, 2, 2, 8, 8, 3, 1),
    TransformProblem(torch.float32, TransformKind.RFFT, 1, 8),
    *(pooling(mode, (8, 8), 3) for mode in PoolMode),
    InverseConvProblem(torch.float32, 1, 2, (3, 3), (2, 2), False),
    RecurrenceProblem(torch.float32, 1, 2, 4, True, False, False, False),
    SelectiveScanProblem(torch.float32, 1, 2, 1, 2, 4, False),
    ConvFirstBlockProblem(torch.float32, BlockActivation.SILU, 1, 2, (4, 4), 3, 1, 4),
)


def launches() -> dict[str, float]:
    """Seconds of a call that computes next to nothing: the shortest of the implementation's tiny problems."""
    found: dict[str, float] = defaultdict(lambda: inf)
    for problem in TINY:
        for name, (seconds, _) in timings(problem).items():
            key = f"{name}, {kind_of(problem)}"
            found[key] = min(found[key], seconds)
    rounded = {name: float(f"{seconds:.2g}") for name, seconds in sorted(found.items())}
    return {ANY: median(rounded.values()), **rounded}


def drawn() -> list[Problem]:
    """Convolutions like those that the planner is judged on, but others."""
    draw, found = random.Random(7), []
    while len(found) < DRAWN:
        row = candidate(draw)
        if not is_affordable(row):
            continue
        ndim = int(row["ndim"])
        each = {name: (int(row[name]),) * ndim for name in ("size", "kernel", "stride", "dilation")}
        sides = ((int(row["padding"]),) * 2,) * ndim
        sizes = (int(row[name]) for name in ("batch", "in_channels", "out_channels"))
        found.append(
            ConvolutionProblem(
                torch.float32, Slot.OUTPUT, *sizes, each["size"], each["kernel"], each["stride"], sides,
                each["dilation"], int(row["groups"]),
            )
        )
    return found


def works(problem: Problem, worst: float = inf) -> dict[Implementation, Work]:
    """Of the implementations that take the problem; worst: in units of the best predicted time."""
    found, machine = {}, default_machine()
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


def timings(problem: Problem, worst: float = inf) -> dict[str, tuple[float, Work]]:
    """Median seconds and work of each implementation that takes the problem, taking turns."""
    found = works(problem, worst)
    operands = example_operands(problem)
    times = {row: [] for row in found}
    for turn in range(ROUNDS + 1):
        for row in found:
            start = perf_counter()
            row.run(problem, *operands)
            if turn:
                times[row].append(perf_counter() - start)
    return {str(row): (median(times[row]), found[row]) for row in found}


def measured() -> list[Measured]:
    """Of every problem, whatever the layout, the seconds and the work of implementations."""
    convolutions = [(p, WORST) for p in drawn()]
    in_other_layout = [(p, WORST) for problem, _ in convolutions for p in channels_last(problem)]
    found = []
    for problem, worst in [(p, inf) for p in PROBLEMS] + convolutions + in_other_layout:
        found.append(Measured(problem, timings(problem, worst)))
        for name, (seconds, work) in found[-1].timings.items():
            print(f"{name:24} {seconds * 1e3:9.3f} ms {work.flop / seconds / 1e9:8.2f} GFLOP/s  {problem}")
    return found


def costs(
    everything: list[Measured], launch: Mapping[str, float], bandwidth: Callable[[float], float]
) -> dict[str, Cost]:
    """By implementation, and by implementation and regime. Short calls count where there are no others."""
    long: dict[str, list[Sample]] = defaultdict(list)
    short: dict[str, list[Sample]] = defaultdict(list)
    for problem, timed in everything:
        for name, (seconds, work) in timed.items():
            computing = max(seconds - launch.get(f"{name}, {kind_of(problem)}", 0.0), 0.1 * seconds)
            sample = Sample(computing, work.flop, work.byte / bandwidth(work.byte))
            for key in cost_names(name, problem):
                (long if seconds > TELLING else short)[key].append(sample)
    samples = short | long
    found = {name: fit(samples[name]) for name in sorted(samples)}
    return {ANY: max(found.values()), **found}


def fit(samples: list[Sample]) -> Cost:
    """The seconds per FLOP and the passes that predict best, outliers counting little."""
    shares = np.array([(flop / seconds, moving / seconds) for seconds, flop, moving in samples])
    shares[:, 0] = np.maximum(shares[:, 0], 1e-30)  # of a kernel that only moves

    def logarithms(found):
        return np.log(shares @ np.exp(found))

    start = np.log([0.5 / np.median(shares[:, 0]), 0.5 / np.median(shares[:, 1])])
    bounds = np.log([(LEAST_PER_FLOP, 1e-30), (1.0, MOST_PASSES)])
    start = np.clip(start, bounds[0] + 0.01, bounds[1] - 0.01)
    found = np.exp(least_squares(logarithms, start, bounds=bounds, loss="soft_l1", f_scale=0.2).x)
    if len(samples) < FITTABLE:
        found = np.array([1 / np.median(shares[:, 0]), 0.0])
    return Cost(*(float(f"{number:.2g}") for number in found))


def doubts(everything: list[Measured], machine: Machine) -> dict[str, float]:
    """By implementation and regime: how much slower than predicted it may be beside torch's own."""
    errors: dict[str, list[float]] = defaultdict(list)
    for problem, timed in everything:
        if IN_PLACE not in timed or timed[IN_PLACE][0] < TELLING:
            continue
        slowness = {
            name: seconds / machine.seconds(name, problem, work.flop, work.byte)
            for name, (seconds, work) in timed.items()
        }
        own = slowness.pop(IN_PLACE)
        for name, of_other in slowness.items():
            errors[f"{name}, {regimes(problem)[0]}"].append(of_other / own)
    return {ANY: UNTRIED} | {name: _doubt(found) for name, found in sorted(errors.items())}


def _doubt(errors: list[float]) -> float:
    few = 1 + FEW / len(errors)  # from which there is less to learn
    return float(f"{few * max(np.quantile(errors, 1 - DOUBTFUL), 1.0):.2g}")


def channels_last(problem: ConvolutionProblem) -> list[ConvolutionProblem]:
    """The same with its input in that layout, where there is one."""
    return [replace(problem, channels_last=True)] if problem.ndim > 1 else []


def cost_names(implementation: str, problem: Problem) -> tuple[str, ...]:
    """Those that the problem tells something about: the implementation, and the narrowest regime.

    What others than torch's own do with channels-last tensors tells of the change of layout too.
    """
    narrowest = f"{implementation}, {regimes(problem)[0]}"
    if isinstance(problem, ConvolutionProblem) and problem.channels_last:
        return (narrowest,) if implementation == IN_PLACE else ()
    return implementation, narrowest


def copy_rate(source: torch.Tensor) -> float:
    """Bytes read and written in a second by a copy into a contiguous tensor."""
    target, repeats = torch.empty(source.shape), max(1, (1 << 22) // source.numel())
    times = []
    for _ in range(ROUNDS):
        start = perf_counter()
        for _ in range(repeats):
            target.copy_(source)
        times.append((perf_counter() - start) / repeats)
    return float(f"{2 * source.nbytes / median(times):.2g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the fit into the package")
    write = parser.parse_args().write
    with torch.no_grad():
        launch = launches()
        byte_per_s = [[None if most == inf else most, copy_rate(torch.ones(count))] for most, count in LEVELS]
        transposed = copy_rate(torch.ones(8, 56, 56, 128).permute(0, 3, 1, 2))
        bandwidth = replace(default_machine(), byte_per_s=byte_per_s).bandwidth
        everything = measured()
        cost = costs(everything, launch, bandwidth)
        machine = Machine(byte_per_s, transposed, launch, cost, {})
        record = {
            "device": f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, "
            f"torch {torch.__version__}, float32, native core: "
            f"{native_core.instruction_set().value if native_core.is_available() else 'none'}",
            "date": date.today().isoformat(),
            "units": {
                "byte_per_s": "most bytes moved, and bytes copied per second: within caches, then memory",
                "transposed_byte_per_s": "the same from channels-last to contiguous",
                "launch_seconds": "seconds of a call that computes next to nothing",
                "costs": "of each regime: seconds per FLOP, passes over the bytes",
                "doubts": "of each regime: by what factor it may be slower beside torch's own than predicted",
            },
            "command": "python benchmarks/engine/rates.py --write",
            "byte_per_s": byte_per_s,
            "transposed_byte_per_s": transposed,
            "launch_seconds": launch,
            "costs": cost,
            "doubts": doubts(everything, machine),
        }
    text = json.dumps({**json.loads(TARGET.read_text()), "cpu": record}, indent=2) + "\n"
    text = re.sub(r"\[[^][{}]*\]", lambda numbers: " ".join(numbers[0].split()), text)  # a list is one line
    if write:
        TARGET.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
