"""The whole of a comparison: what is finished is taken from the store, the rest is run and kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import final

from circulant.compare.assemble import assemble
from circulant.compare.experiment import Experiment, TrialSpec
from circulant.compare.fingerprint import experiment_key, trial_key
from circulant.compare.measurements import Measurements
from circulant.compare.profile import measure
from circulant.compare.records import CONTROL, Comparison, Failure, Settings, Trial
from circulant.compare.runner import Outcome, Runner
from circulant.compare.store import Store


@final
@dataclass(frozen=True, slots=True)
class Watch:
    """Told what happens, for progress bars."""

    reused: Callable[[int, int], None]  # trials found in the store, trials in all
    finished: Callable[[Outcome], None]
    profiled: Callable[[float], None]  # share of profiling done


def all_specs(settings: Settings) -> tuple[TrialSpec, ...]:
    """Seed by seed, so that an early look compares all operators."""
    operators = (CONTROL, *settings.operators)
    return tuple(TrialSpec(operator, seed) for seed in settings.seeds for operator in operators)


def run_comparison(
    experiment: Experiment, settings: Settings, store: Store, runner: Runner, watch: Watch
) -> Comparison:
    for operator in settings.operators:  # before any work
        experiment.setup.require(experiment.dataset, operator)
    specs = all_specs(settings)
    keys = {spec: trial_key(experiment, spec) for spec in specs}
    outcomes: dict[TrialSpec, Outcome] = {}
    for spec in specs:
        if (trial := store.trial(keys[spec])) is not None:
            outcomes[spec] = trial
    watch.reused(len(outcomes), len(specs))
    for outcome in runner.run(experiment, [spec for spec in specs if spec not in outcomes]):
        spec = TrialSpec(outcome.operator, outcome.seed)
        if isinstance(outcome, Trial):
            store.add_trial(keys[spec], outcome)
        outcomes[spec] = outcome
        watch.finished(outcome)
    trials = [outcome for spec in specs if isinstance(outcome := outcomes[spec], Trial)]
    failures = [outcome for spec in specs if isinstance(outcome := outcomes[spec], Failure)]
    operators = tuple(dict.fromkeys(trial.operator for trial in trials))
    return assemble(experiment, settings, trials, failures, _measured(experiment, operators, store, watch))


def _measured(experiment: Experiment, operators: Sequence[str], store: Store, watch: Watch) -> Measurements:
    """Times of one session only: operators that were not measured together are measured anew."""
    key = sha256(f"{experiment_key(experiment)} {sorted(operators)}".encode()).hexdigest()
    found = store.measurements(key)
    if found is None:
        found = measure(experiment, operators, watch.profiled)
        store.add_measurements(key, found)
    return found
