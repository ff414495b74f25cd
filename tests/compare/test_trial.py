"""One trial."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.compare.tiny import Raising, experiment, same_result, settings

from circulant.compare.experiment import TrialSpec
from circulant.compare.fingerprint import trial_key
from circulant.compare.records import CONTROL, Budget, BudgetUnit, Failure
from circulant.compare.run import all_specs
from circulant.compare.trial import attempt, run_trial
from circulant.train.recipe import Recipe


def test_an_operator_learns_what_the_control_cannot():
    accuracy = {}
    for operator in ("Conv", CONTROL):
        trial = run_trial(experiment(8), TrialSpec(operator, 0))
        truth = experiment().dataset.test.y
        accuracy[operator] = np.mean(np.array(trial.predicted) == truth)
        assert trial.curve[-1].test_score == pytest.approx(accuracy[operator])
        assert trial.curve[-1].epoch == 8 and trial.train_seconds == trial.curve[-1].seconds
    assert accuracy["Conv"] == 1 and accuracy[CONTROL] < 0.9


def test_the_trained_operator_of_the_middle_block_is_looked_into():
    sight = run_trial(experiment(), TrialSpec("Conv", 0)).sight
    share = sight.receptive_field.share
    assert share.shape == (8, 8) and share.sum() == pytest.approx(1)
    assert np.count_nonzero(share) == 9  # a 3 x 3 kernel
    assert run_trial(experiment(), TrialSpec(CONTROL, 0)).sight is None


@pytest.mark.parametrize("threads", [1, 2])
def test_a_trial_is_the_same_again_whatever_the_number_of_threads(threads):
    expected = run_trial(experiment(), TrialSpec("Conv", 1))
    torch.set_num_threads(threads)
    torch.manual_seed(threads)
    assert same_result(run_trial(experiment(), TrialSpec("Conv", 1)), expected)
    assert torch.get_num_threads() == threads


def test_an_operator_that_raises_becomes_a_failure_with_the_last_line():
    outcome = attempt(experiment(kind=Raising), TrialSpec("DepthwiseConv", 3))
    assert outcome == Failure("DepthwiseConv", 3, "no room for the kernel")


def test_the_control_is_always_run_and_seeds_come_one_after_another():
    specs = all_specs(settings(("Conv",), (0, 1)))
    assert [(spec.operator, spec.seed) for spec in specs] == [
        (CONTROL, 0),
        ("Conv", 0),
        (CONTROL, 1),
        ("Conv", 1),
    ]


def test_whatever_changes_a_result_changes_the_key(monkeypatch):
    base, spec = experiment(), TrialSpec("Conv", 0)
    key = trial_key(base, spec)
    assert key == trial_key(experiment(), spec)
    changed = [
        trial_key(base, TrialSpec("Conv", 1)),
        trial_key(base, TrialSpec("DepthwiseConv", 0)),
        trial_key(replace(base, budget=Budget(2, BudgetUnit.SECONDS)), spec),
        trial_key(replace(base, budget=Budget(3, BudgetUnit.EPOCHS)), spec),
        trial_key(replace(base, recipe=Recipe(batch=4)), spec),
        trial_key(replace(base, design=replace(base.design, stages=base.design.stages[:1])), spec),
        trial_key(replace(base, dataset=replace(base.dataset, classes=("a", "b"))), spec),
    ]
    monkeypatch.setattr("circulant.compare.fingerprint.code_version", lambda: "another")
    changed.append(trial_key(base, spec))
    assert len({key, *changed}) == 9
