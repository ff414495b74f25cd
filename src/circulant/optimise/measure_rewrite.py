"""What a rewrite is worth: paired times, sizes, memory and accuracy."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import chain
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.measuring.live_memory import peak_byte
from circulant.measuring.order_statistics import Interval, median_interval, quantile
from circulant.measuring.rounds import Call, interleaved
from circulant.optimise.example import Example
from circulant.optimise.observe import loss_of
from circulant.optimise.results import tensors_in

BATCH = 64
CLEAR = 1.1  # times faster; with the lower bound above that a gain needs no second look

Clock = Callable[[Mapping[str, Call], float], Mapping[str, Sequence[float]]]
"""Seconds of each call by rounds, in which all take turns; given the seconds that it may take."""


def clock(calls: Mapping[str, Call], budget: float) -> Mapping[str, Sequence[float]]:
    return interleaved(calls, budget, drops_slow=False, settles=False)


@final
@dataclass(frozen=True, slots=True)
class Race:
    """Median seconds, and how many times faster: the median of before / after in each round, 95 % bounds."""

    before: float
    after: float
    ratio: Interval

    @property
    def is_gain(self) -> bool:
        return self.ratio.low > 1

    @property
    def is_clear_gain(self) -> bool:
        return self.ratio.low > CLEAR

    @property
    def is_loss(self) -> bool:
        return self.ratio.high < 1


def race(
    before: nn.Module, after: nn.Module, example: Example, is_trained: bool, budget: float, by: Clock
) -> Race:
    with torch.random.fork_rng():
        calls = {"before": call_of(before, example, is_trained), "after": call_of(after, example, is_trained)}
        seconds = by(calls, budget)
    ratios = [old / new for old, new in zip(seconds["before"], seconds["after"])]
    old, new = (quantile(seconds[name], 0.5) for name in calls)
    return Race(old, new, median_interval(ratios))


def call_of(model: nn.Module, example: Example, is_trained: bool) -> Call:
    """One forward pass, or with the backward one; of a copy, whose statistics may change."""
    twin, given = deepcopy(model).train(is_trained), example.mapped(Tensor.clone)

    def infer() -> object:
        with torch.no_grad():
            return twin(*given.args, **given.kwargs)

    def step() -> object:
        loss_of(tensors_in(twin(*given.args, **given.kwargs))).backward()
        twin.zero_grad()
        return None

    return step if is_trained else infer


def memory_byte(model: nn.Module, example: Example, is_trained: bool) -> int:
    with torch.random.fork_rng():
        return peak_byte(call_of(model, example, is_trained))


def parameter_byte(model: nn.Module) -> int:
    """Of parameters and buffers, shared ones once."""
    return sum(x.numel() * x.element_size() for x in set(chain(model.parameters(), model.buffers())))


@final
@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """x (N, ...) with classes y (N,) as whole numbers."""

    x: Tensor
    y: Tensor

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y) or len(self.x) == 0 or self.y.ndim != 1 or self.y.is_floating_point():
            raise ArgumentError(
                f"expected examples x (N, ...) and classes y (N,), got {tuple(self.x.shape)} and "
                f"{tuple(self.y.shape)} in {self.y.dtype}"
            )


def accuracy(model: nn.Module, data: Labelled) -> float:
    """Share of examples whose largest score, in the first tensor (B, classes) returned, is their class's."""
    right = 0
    with torch.no_grad():
        for x, y in zip(data.x.split(BATCH), data.y.split(BATCH)):
            scores = next(iter(tensors_in(model(x)).values()))
            if scores.ndim != 2:
                raise ArgumentError(
                    f"expected scores (B, classes) for accuracy, got {tuple(scores.shape)}; leave data out"
                )
            right += int((scores.argmax(1) == y).sum())
    return right / len(data.y)
