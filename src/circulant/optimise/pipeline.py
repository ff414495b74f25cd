"""A model made faster or smaller by passes, each of which has to prove itself.

Every pass works on a copy of what was kept before it. The outcome is compared with that, in float32 and in
float64, on the example and on hostile inputs, then timed in turns with it; a small gain has to be seen
twice. The table tells what became of each pass, with the reasons of those that were not kept.
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from math import nan
from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, UnknownNameError
from circulant.core.tried import Failure, tried
from circulant.optimise.example import Example, example_of
from circulant.optimise.goals import Goals, Objective
from circulant.optimise.measure_rewrite import (
    Clock,
    Labelled,
    Race,
    accuracy,
    clock,
    memory_byte,
    parameter_byte,
    race,
)
from circulant.optimise.observe import difference, observe
from circulant.optimise.pass_report import Outcome, PassReport, Worth
from circulant.optimise.passes import PASSES
from circulant.optimise.result import Result
from circulant.optimise.rewrite_pass import Changed, Pass
from circulant.optimise.verify_rewrite import Check, check_rewrite


def optimise(
    model: nn.Module,
    example: Any,
    *,
    goals: Goals | None = None,
    data: Labelled | None = None,
    samples: Tensor | None = None,
    passes: Sequence[Pass] = PASSES,
    clock: Clock = clock,
) -> Result:
    """Try the passes on a copy of the model, and keep those that prove right and useful.

    example: a tensor, a tuple of arguments or a mapping of named ones. data: labelled examples for accuracy.
    samples (N, ...): inputs that approximate passes are fitted to, of the data if there are none.
    """
    optimiser = Optimiser(model, example, goals=goals, data=data, samples=samples, passes=passes, clock=clock)
    for _ in optimiser.steps():
        pass
    return optimiser.result()


@final
class Optimiser:
    """`optimise` pass by pass: run through `steps`, or through some of them, then ask for the `result`."""

    def __init__(
        self,
        model: nn.Module,
        example: Any,
        *,
        goals: Goals | None = None,
        data: Labelled | None = None,
        samples: Tensor | None = None,
        passes: Sequence[Pass] = PASSES,
        clock: Clock = clock,
    ) -> None:
        self._goals = Goals() if goals is None else goals
        self._passes = _wanted(passes, self._goals)
        self._example = example_of(example, data.x if samples is None and data is not None else samples)
        self._data, self._clock = data, clock
        self._model = _copy(model).train(self._goals.is_trained)
        self._original = deepcopy(self._model)
        self._reports: list[PassReport] = []
        _require_repeatable(deepcopy(self._model).eval(), self._example)

    def __len__(self) -> int:
        return len(self._passes)

    def steps(self) -> Iterator[PassReport]:
        """One pass at a time."""
        for each in self._passes:
            self._reports.append(self._step(each))
            yield self._reports[-1]

    def result(self) -> Result:
        """Of the passes that have run."""
        kept = any(report.outcome is Outcome.KEPT for report in self._reports)
        overall = self._worth(self._original, self._model) if kept else None
        return Result(self._model, tuple(self._reports), overall, self._goals, self._example)

    def _step(self, each: Pass) -> PassReport:
        found = each.applied(self._model, self._example)
        if not isinstance(found, Changed):
            return PassReport(each.name, each.is_exact, Outcome.REFUSED, found.reason)
        trained = self._goals.is_trained
        if trained and (lost := _lost_parameters(self._model, found.model)):
            reason = f"the model is to be trained on, and {lost} would be something else"
            return PassReport(each.name, each.is_exact, Outcome.REFUSED, reason)
        single, double = (self._check(each, found.model, dtype) for dtype in (torch.float32, torch.float64))
        errors = (single.error, double.error)
        if fault := single.fault or double.fault:
            return PassReport(each.name, each.is_exact, Outcome.WRONG, fault, *errors)
        found.model.train(trained)
        worth = tried(lambda: self._worth(self._model, found.model))
        if isinstance(worth, Failure):
            return PassReport(each.name, each.is_exact, Outcome.REFUSED, worth.reason, *errors)
        alone = self._alone(each, worth.race)
        outcome, words = self._judged(each, found, worth)
        if outcome is Outcome.KEPT:
            self._model = found.model
        return PassReport(each.name, each.is_exact, outcome, words, *errors, worth, alone)

    def _check(self, each: Pass, changed: nn.Module, dtype: torch.dtype) -> Check:
        found = tried(
            lambda: check_rewrite(each, self._model, changed, self._example, dtype, self._goals.is_trained)
        )
        return Check(nan, f"cannot be compared: {found.reason}") if isinstance(found, Failure) else found

    def _worth(self, before: nn.Module, after: nn.Module) -> Worth:
        both = (before, after)
        sizes, peaks = ([measure(each) for each in both] for measure in (parameter_byte, self._peak))
        shares = [nan, nan] if self._data is None else [self._accuracy(each, self._data) for each in both]
        return Worth(
            self._race(before, after), (sizes[0], sizes[1]), (peaks[0], peaks[1]), (shares[0], shares[1])
        )

    def _peak(self, model: nn.Module) -> int:
        return memory_byte(model, self._example, self._goals.is_trained)

    def _accuracy(self, model: nn.Module, data: Labelled) -> float:
        return accuracy(deepcopy(model).eval(), data)

    def _race(self, before: nn.Module, after: nn.Module) -> Race:
        goals = self._goals
        return race(before, after, self._example, goals.is_trained, goals.budget, self._clock)

    def _alone(self, each: Pass, on_top: Race) -> Race | None:
        """On the model as it came; None where the pass finds nothing to do there."""
        if all(report.outcome is not Outcome.KEPT for report in self._reports):
            return on_top
        found = each.applied(self._original, self._example)
        if not isinstance(found, Changed):
            return None
        measured = tried(lambda: self._race(self._original, found.model.train(self._goals.is_trained)))
        return None if isinstance(measured, Failure) else measured

    def _judged(self, each: Pass, found: Changed, worth: Worth) -> tuple[Outcome, str]:
        lost = worth.accuracy[0] - worth.accuracy[1]
        if not each.is_exact and lost > self._goals.accuracy_loss:
            return Outcome.WRONG, f"costs {lost:.1%} of accuracy, {self._goals.accuracy_loss:.1%} is allowed"
        if self._goals.objective is Objective.SIZE:
            smaller = worth.parameter_byte[1] < worth.parameter_byte[0]
            return (Outcome.KEPT if smaller else Outcome.NO_GAIN), found.words
        if each.simplifies:
            return (Outcome.NO_GAIN if worth.race.is_loss else Outcome.KEPT), found.words
        # a small one is seen twice, since one of forty useless passes looks like a gain once
        gains = worth.race.is_clear_gain or (
            worth.race.is_gain and self._race(self._model, found.model).is_gain
        )
        return (Outcome.KEPT if gains else Outcome.NO_GAIN), found.words


def _wanted(passes: Sequence[Pass], goals: Goals) -> tuple[Pass, ...]:
    """Exact ones and those that the user allows, in their order."""
    approximate = {each.name: each for each in passes if not each.is_exact}
    for name in sorted(goals.allowed):
        if name not in approximate:
            raise UnknownNameError("approximate pass", name, approximate)
    return tuple(each for each in passes if each.is_exact or each.name in goals.allowed)


def _copy(model: nn.Module) -> nn.Module:
    if not isinstance(model, nn.Module):
        raise ArgumentError(f"expected a torch.nn.Module, got {type(model).__name__}")
    copied = tried(lambda: deepcopy(model))
    if isinstance(copied, Failure):
        raise ArgumentError(
            f"expected a model that can be copied, got {type(model).__name__}: {copied.reason}"
        )
    return copied


def _require_repeatable(model: nn.Module, example: Example) -> None:
    """Runs, returns tensors, and the same twice."""
    first = tried(lambda: observe(model, example))
    if isinstance(first, Failure):
        raise ArgumentError(f"expected a model that takes the example, got from it: {first.reason}")
    if not first.results:
        raise ArgumentError(
            "expected a model that returns tensors, alone or in tuples, lists or mappings; got none"
        )
    second = difference(first, observe(model, example))
    if second.fault or second.error > 0:
        raise ArgumentError(
            "expected a model that gives the same answer twice in evaluation, got another the second time "
            f"({second.fault or f'relative error {second.error:.2g}'}); comparisons would mean nothing"
        )


def _lost_parameters(before: nn.Module, after: nn.Module) -> str:
    """Names of parameters that are gone, new or of another shape; dead ones, without gradient, may go."""
    old, new = ({name: tuple(p.shape) for name, p in each.named_parameters()} for each in (before, after))
    changed = sorted(name for name in new if old.get(name) != new[name])
    gone = sorted(old.keys() - new.keys()) if changed else []
    return ", ".join((changed + gone)[:3])
