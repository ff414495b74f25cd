"""Costs and doubts from times."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from circulant.engine.calibration.timing import Timed
from circulant.engine.machine import ANY, IN_PLACE, Cost, Machine, kind_of, regimes
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.problem import Problem

FITTABLE = 4  # problems from which two numbers are found
TELLING = 1e-4  # seconds below which a call says more about launches than about rates
MOST_PASSES = 8.0  # more are a sign of something else
MIXES = np.geomspace(1e-3, 1e3, 241)  # seconds of memory to one of arithmetic, tried at the median problem
DOUBTFUL = 0.1  # share of a regime's problems that may be slower than the planner fears
FEW = 2.0  # problems that double a doubt
UNTRIED = 100.0  # the doubt where nothing was measured, so great that torch's own stays


class Sample(NamedTuple):
    """Seconds of a call but its launch, what it computes, and seconds in which its bytes could be copied."""

    seconds: float
    flop: float
    moving: float


def costs(times: Sequence[Timed], machine: Machine, flop_per_s: float) -> dict[str, Cost]:
    """By implementation, and by implementation and regime. Short calls count where there are no others.

    machine: launches and bandwidths. No kernel computes faster than twice the peak that torch shows.
    """
    long: dict[str, list[Sample]] = defaultdict(list)
    short: dict[str, list[Sample]] = defaultdict(list)
    for problem, calls in times:
        for name, (seconds, work) in calls.items():
            launch = machine.launch_seconds.get(f"{name}, {kind_of(problem)}", 0.0)
            moving = work.byte / machine.bandwidth(work.byte)
            sample = Sample(max(seconds - launch, 0.1 * seconds), work.flop, moving)
            for key in _cost_names(name, problem):
                (long if seconds > TELLING else short)[key].append(sample)
    samples = short | long
    found = {name: fit(samples[name], 0.5 / flop_per_s) for name in sorted(samples)}
    return {ANY: max(found.values()), **found}


def _cost_names(implementation: str, problem: Problem) -> tuple[str, ...]:
    """Those that the problem tells something about: the implementation, and the narrowest regime.

    What others than torch's own do with channels-last tensors tells of the change of layout too.
    """
    narrowest = f"{implementation}, {regimes(problem)[0]}"
    if isinstance(problem, ConvolutionProblem) and problem.channels_last:
        return (narrowest,) if implementation == IN_PLACE else ()
    return implementation, narrowest


def fit(samples: Sequence[Sample], least_seconds_per_flop: float) -> Cost:
    """The seconds per FLOP and the passes with the least sum of absolute errors of the logarithm.

    Of each mix of the two, the scale is a median; the best mix is looked for among many.
    """
    table = np.array(samples)
    seconds, flop, moving = table[:, 0], np.maximum(table[:, 1], 1.0), table[:, 2]
    per_flop = np.median(seconds / flop)
    if len(samples) < FITTABLE:
        return _rounded(max(per_flop, least_seconds_per_flop), 0.0)
    balance = np.median(flop / np.maximum(moving, 1e-30))
    best = min(
        (_scaled(seconds, flop, moving, mix * balance, least_seconds_per_flop) for mix in (0.0, *MIXES)),
        key=lambda found: found[0],
    )
    return _rounded(*best[1:])


def _scaled(
    seconds: NDArray[np.float64], flop: NDArray[np.float64], moving: NDArray[np.float64],
    flop_per_pass: float, least: float,
) -> tuple[float, float, float]:  # fmt: skip
    """The error, the seconds per FLOP and the passes, where a pass takes as long as so many FLOP."""
    per_flop = max(float(np.median(seconds / (flop + flop_per_pass * moving))), least)
    passes = min(per_flop * flop_per_pass, MOST_PASSES)
    error = np.abs(np.log((per_flop * flop + passes * moving) / seconds)).sum()
    return float(error), per_flop, passes


def _rounded(*numbers: float) -> Cost:
    return Cost(*(float(f"{number:.2g}") for number in numbers))


def doubts(times: Sequence[Timed], machine: Machine) -> dict[str, float]:
    """By implementation and regime: how much slower than predicted it may be beside torch's own."""
    errors: dict[str, list[float]] = defaultdict(list)
    for problem, calls in times:
        if IN_PLACE not in calls or calls[IN_PLACE][0] < TELLING:
            continue
        slowness = {
            name: seconds / machine.seconds(name, problem, work.flop, work.byte)
            for name, (seconds, work) in calls.items()
        }
        own = slowness.pop(IN_PLACE)
        for name, of_other in slowness.items():
            errors[f"{name}, {regimes(problem)[0]}"].append(of_other / own)
    return {ANY: UNTRIED} | {name: _doubt(found) for name, found in sorted(errors.items())}


def _doubt(errors: Sequence[float]) -> float:
    few = 1 + FEW / len(errors)  # from which there is less to learn
    return float(f"{few * max(float(np.quantile(errors, 1 - DOUBTFUL)), 1.0):.2g}")
