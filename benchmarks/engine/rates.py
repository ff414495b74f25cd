"""Fits the planner's rates: FLOP per second of every implementation by regime, bytes per second, launch.

    python benchmarks/engine/rates.py [--write]

Prints the fit as JSON; --write puts it into src/circulant/engine/machines.json.
"""

import argparse
import json
import platform
from collections import defaultdict
from datetime import date
from pathlib import Path
from statistics import geometric_mean, median
from time import perf_counter

import torch

from circulant.backends.native import core as native_core
from circulant.backends.table import IMPLEMENTATIONS, Backend
from circulant.engine.example_operands import example_operands
from circulant.engine.machine import regime
from circulant.problems.convolution import ConvolutionProblem
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
LARGEST_FLOP = 2e10  # slower than this by any implementation would only lengthen the run
LARGEST_WORKSPACE = 1 << 30


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
    convolution(8, 3, 64, (112, 112), (7, 7), 1),
    convolution(8, 8, 8, (112, 112), (3, 3), 1),
    convolution(8, 96, 96, (56, 56), (3, 3), 12),
    convolution(8, 8, 8, (65536,), (9,), 1),
    convolution(8, 1, 16, (65536,), (5,), 1),
    depthwise(8, 64, (56, 56), 3),
    depthwise(8, 64, (28, 28), 7),
    depthwise(4, 64, (56, 56), 13),
    depthwise(1, 32, (28, 28), 31),
    depthwise(1, 16, (56, 56), 31),
    depthwise(8, 128, (1024,), 5),
    depthwise(4, 64, (1024,), 65),
    depthwise(2, 16, (12, 12, 12), 5),
    LongConvProblem(torch.float32, Slot.OUTPUT, 8, 96, 1024, 1024, 0, False),
    LongConvProblem(torch.float32, Slot.OUTPUT, 2, 32, 16384, 16384, 0, False),
    LongConvProblem(torch.float32, Slot.OUTPUT, 2, 64, 16384, 63, 0, False),
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


def timings(problem: Problem) -> dict[str, tuple[float, float]]:
    """Median seconds and FLOP of each implementation that takes the problem, taking turns."""
    rows = [row for row in IMPLEMENTATIONS if row.problem is type(problem)]
    rows = [row for row in rows if row.backend is not Backend.TRITON]  # runs on no CPU
    works = {}
    for row in rows:
        if row.backend is Backend.NATIVE and not native_core.is_available():
            continue
        if row.algorithm.rejects(problem) is None:
            work = row.algorithm.work(problem)
            if work.flop <= LARGEST_FLOP and work.workspace(torch.get_num_threads()) <= LARGEST_WORKSPACE:
                works[row] = work
    operands = example_operands(problem)
    times = {row: [] for row in works}
    for turn in range(ROUNDS + 1):
        for row in works:
            start = perf_counter()
            row.run(problem, *operands)
            if turn:
                times[row].append(perf_counter() - start)
    return {str(row): (median(times[row]), works[row].flop) for row in works}


def fit() -> dict[str, float]:
    """The geometric mean over the problems of a regime, and over all problems for the implementation."""
    rates: dict[str, list[float]] = defaultdict(list)
    for problem in PROBLEMS:
        for name, (seconds, flop) in timings(problem).items():
            for key in (name, f"{name}, {regime(problem)}"):
                rates[key].append(flop / seconds)
            rate = flop / seconds / 1e9
            print(f"{name:24} {regime(problem):28} {seconds * 1e3:9.3f} ms {rate:8.2f} GFLOP/s")
    return {key: float(f"{geometric_mean(values):.2g}") for key, values in sorted(rates.items())}


def copy_rate() -> float:
    source, target = torch.ones(1 << 25), torch.empty(1 << 25)
    times = []
    for _ in range(ROUNDS):
        start = perf_counter()
        target.copy_(source)
        times.append(perf_counter() - start)
    return float(f"{2 * source.nbytes / median(times):.2g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the fit into the package")
    write = parser.parse_args().write
    with torch.no_grad():
        record = {
            "device": f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, "
            f"torch {torch.__version__}, float32, native core: "
            f"{native_core.instruction_set().value if native_core.is_available() else 'none'}",
            "date": date.today().isoformat(),
            "units": {
                "byte_per_s": "bytes copied per second",
                "launch_seconds": "seconds per call",
                "flop_per_s": "FLOP per second, geometric mean over the problems measured in each regime",
            },
            "command": "python benchmarks/engine/rates.py --write",
            "byte_per_s": copy_rate(),
            "launch_seconds": 2e-5,
            "flop_per_s": fit(),
        }
    text = json.dumps({**json.loads(TARGET.read_text()), "cpu": record}, indent=2) + "\n"
    if write:
        TARGET.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
