"""Measures the planner's regret: what its choice takes beyond the best it could have chosen.

    python benchmarks/engine/regret.py [--problems N]

The sampled convolutions, forward in float32, and long convolutions of many lengths. The best few
candidates by prediction are timed, taking turns; the regret is the chosen one's time over the best.
"""

import argparse
from statistics import geometric_mean, median

import torch

from circulant.bench.sampled import SampledProblem, sampled_problems
from circulant.engine.measure import measured_seconds
from circulant.engine.planner import plan
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.problem import Problem
from circulant.problems.trilinear import Slot


def convolution(drawn: SampledProblem) -> ConvolutionProblem:
    def each(value):
        return (value,) * drawn.ndim

    return ConvolutionProblem(
        torch.float32, Slot.OUTPUT, drawn.batch, drawn.in_channels, drawn.out_channels, each(drawn.size),
        each(drawn.kernel), each(drawn.stride), each((drawn.padding, drawn.padding)), each(drawn.dilation),
        drawn.groups,
    )  # fmt: skip


def long_convolutions() -> list[Problem]:
    return [
        LongConvProblem(torch.float32, Slot.OUTPUT, 2, 32, length, max(2, length // part), 0, False)
        for length in (64, 256, 1024, 4096, 16384, 65536)
        for part in (1, 8, 64)
    ]


def regret(problem: Problem) -> float:
    estimate = plan(problem)
    times = measured_seconds(estimate, "cpu")
    found = times[str(estimate.chosen)] / min(times.values())
    best = min(times, key=times.__getitem__)
    if found > 1.25:
        print(f"{found:5.2f}  {estimate.chosen} instead of {best}: {problem}")
    return found


def told(name: str, regrets: list[float]) -> str:
    ordered = sorted(regrets)
    late = ordered[int(0.95 * (len(ordered) - 1))]
    return (
        f"{name}: {len(ordered)} problems, regret {geometric_mean(ordered):.3f} on average, "
        f"median {median(ordered):.3f}, 95 of 100 below {late:.2f}, worst {ordered[-1]:.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", type=int, default=300, help="so many of the sampled convolutions")
    wanted = parser.parse_args().problems
    drawn = [regret(convolution(one)) for one in sampled_problems()[:wanted]]
    long = [regret(problem) for problem in long_convolutions()]
    print(told("sampled convolutions", drawn))
    print(told("long convolutions", long))


if __name__ == "__main__":
    main()
