"""What each operator costs in the backbone: size, work, time, memory. Measured apart from training."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import final

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from circulant.compare.experiment import Experiment, TrialSpec
from circulant.compare.machine import this_machine
from circulant.compare.measurements import Measurements
from circulant.compare.records import Profile, Spread
from circulant.compare.transform_flop import FORMULAS
from circulant.measuring.live_memory import peak_byte
from circulant.train.loop import Step
from circulant.train.one_thread import one_thread
from circulant.train.tensors import Tensors, to_tensors

WARM_UP = 3
FEWEST_ROUNDS, MOST_ROUNDS = 7, 40
SECONDS = 20.0  # for all rounds together, once the fewest are done


@final
class Bench:
    """One network with one batch, ready to be timed."""

    def __init__(self, experiment: Experiment, operator: str, data: Tensors) -> None:
        self.operator = operator
        self.network = experiment.network(TrialSpec(operator, 0))
        self.x = data.x_train[: experiment.batch]
        self.y = data.y_train[: experiment.batch]
        self.step = Step(self.network, experiment.recipe, experiment.objective.loss(experiment.recipe))

    def forward(self) -> torch.Tensor:
        self.network.eval()
        with torch.no_grad():
            result: torch.Tensor = self.network(self.x)
        return result

    def train_step(self) -> float:
        self.network.train()
        return self.step(self.x, self.y, 0.0)

    def mac(self) -> float:
        """Multiply-adds of one example's forward pass."""
        counter = FlopCounterMode(display=False, custom_mapping=dict(FORMULAS))
        self.network.eval()
        with torch.no_grad(), counter:
            self.network(self.x[:1])
        return counter.get_total_flops() / 2


@final
@dataclass(slots=True)
class _Times:
    """In seconds, one per round."""

    forward: list[float] = field(default_factory=list)
    train_step: list[float] = field(default_factory=list)


def measure(
    experiment: Experiment, operators: Sequence[str], on_round: Callable[[float], None] | None = None
) -> Measurements:
    """On one thread, as in training. on_round hears the share that is done."""
    with one_thread():
        machine = this_machine(torch.get_num_threads())
        data = to_tensors(experiment.dataset)
        benches = [Bench(experiment, operator, data) for operator in operators]
        times = _take_turns(benches, on_round)
        return Measurements(tuple(_profile(bench, times[bench.operator]) for bench in benches), machine)


def _take_turns(benches: Sequence[Bench], on_round: Callable[[float], None] | None) -> dict[str, _Times]:
    """Every operator once in each round, so that a disturbance hits all alike."""
    for bench in benches:
        for _ in range(WARM_UP):
            bench.forward()
            bench.train_step()
    times = {bench.operator: _Times() for bench in benches}
    start = perf_counter()
    for number in range(MOST_ROUNDS):
        elapsed = perf_counter() - start
        if number >= FEWEST_ROUNDS and elapsed > SECONDS:
            break
        if on_round is not None:
            on_round(max(number / MOST_ROUNDS, min(1.0, elapsed / SECONDS)))
        for bench in benches:
            times[bench.operator].forward.append(_seconds(bench.forward))
            times[bench.operator].train_step.append(_seconds(bench.train_step))
    if on_round is not None:
        on_round(1.0)
    return times


def _profile(bench: Bench, times: _Times) -> Profile:
    bench.step.optimiser.zero_grad(set_to_none=True)
    return Profile(
        bench.operator,
        sum(parameter.numel() for parameter in bench.network.parameters()),
        bench.mac(),
        _spread(times.forward),
        _spread(times.train_step),
        peak_byte(bench.forward),
        peak_byte(bench.train_step),
        len(bench.x),
    )


def _seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def _spread(seconds: Sequence[float]) -> Spread:
    low, median, high = np.quantile(seconds, [0.1, 0.5, 0.9]).tolist()
    return Spread(median, low, high)
