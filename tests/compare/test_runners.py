"""Trials in this process and in others: the same results, and no trial lost or counted twice."""

import pytest
from tests.compare.tiny import OPERATORS, Deadly, Raising, experiment, same_result, settings

from circulant.compare.process_runner import Processes
from circulant.compare.records import CONTROL, Failure, Trial
from circulant.compare.run import Watch, all_specs, run_comparison
from circulant.compare.runner import Serial
from circulant.compare.store import Store
from circulant.core.errors import ArgumentError


def watch(found=None):
    heard = [] if found is None else found
    return Watch(lambda reused, total: heard.append((reused, total)), heard.append, lambda share: None)


def by_spec(outcomes):
    outcomes = list(outcomes)
    named = {(outcome.operator, outcome.seed): outcome for outcome in outcomes}
    assert len(named) == len(outcomes)
    return named


def test_two_jobs_give_the_same_trials_as_one():
    specs = all_specs(settings())
    serial, parallel = (by_spec(runner.run(experiment(), specs)) for runner in (Serial(), Processes(2)))
    assert serial.keys() == parallel.keys() and len(serial) == 6
    assert all(same_result(serial[key], parallel[key]) for key in serial)


def test_a_trial_whose_worker_dies_is_run_again(tmp_path):
    specs = all_specs(settings(seeds=(0,)))
    outcomes = by_spec(Processes(2).run(experiment(kind=Deadly, marks=tmp_path), specs))
    assert len(list(tmp_path.iterdir())) == 1  # it did die
    expected = by_spec(Serial().run(experiment(), specs))
    assert outcomes.keys() == expected.keys()
    assert all(same_result(outcomes[key], expected[key]) for key in expected)


def test_a_worker_that_always_dies_ends_as_a_failure(tmp_path):
    specs = all_specs(settings(("DepthwiseConv",), (0,)))
    outcomes = by_spec(Processes(1).run(experiment(kind=Deadly, marks=tmp_path, times=99), specs))
    assert outcomes["DepthwiseConv", 0].message == "its worker process died 2 times, last with exit code -9"
    assert isinstance(outcomes[CONTROL, 0], Trial) and len(list(tmp_path.iterdir())) == 2


def test_workers_are_gone_when_the_driver_stops_early():
    from multiprocessing import active_children

    running = Processes(1).run(experiment(), all_specs(settings()))
    next(running)
    assert active_children()
    running.close()
    assert not active_children()


def test_an_operator_that_raises_does_not_stop_the_others(tmp_path):
    store = Store(tmp_path / "store.sqlite")
    comparison = run_comparison(experiment(kind=Raising), settings(), store, Serial(), watch())
    message = "no room for the kernel"
    assert comparison.failures == tuple(Failure("DepthwiseConv", seed, message) for seed in (0, 1))
    assert [(trial.operator, trial.seed) for trial in comparison.trials] == [
        (CONTROL, 0),
        ("Conv", 0),
        (CONTROL, 1),
        ("Conv", 1),
    ]
    assert [profile.operator for profile in comparison.profiles] == [CONTROL, "Conv"]


def test_finished_trials_and_measurements_are_reused_and_failed_ones_tried_again(tmp_path):
    store = Store(tmp_path / "store.sqlite")
    first = run_comparison(experiment(kind=Raising), settings(), store, Serial(), watch())
    heard = []
    second = run_comparison(experiment(), settings(), store, Serial(), watch(heard))
    assert heard[0] == (4, 6) and [trial.operator for trial in heard[1:]] == ["DepthwiseConv"] * 2
    assert not second.failures and {trial.operator for trial in second.trials} == {CONTROL, *OPERATORS}
    kept = {(trial.operator, trial.seed): trial for trial in second.trials}
    assert all(
        kept[trial.operator, trial.seed].train_seconds == trial.train_seconds for trial in first.trials
    )
    third = run_comparison(experiment(), settings(), store, Serial(), watch(heard))
    assert heard[3:] == [(6, 6)] and third.profiles == second.profiles and third.machine == second.machine


def test_more_seeds_reuse_the_trials_of_fewer(tmp_path):
    store = Store(tmp_path / "store.sqlite")
    run_comparison(experiment(), settings(seeds=(0,)), store, Serial(), watch())
    heard = []
    run_comparison(experiment(), settings(seeds=(0, 1)), store, Serial(), watch(heard))
    assert heard[0] == (3, 6)


def test_an_operator_that_cannot_take_the_data_is_refused_before_any_work(tmp_path):
    heard = []
    store = Store(tmp_path / "store.sqlite")
    with pytest.raises(ArgumentError, match="Dcls3d works on volumes, but the data are pictures"):
        run_comparison(experiment(), settings(("Conv", "Dcls3d")), store, Serial(), watch(heard))
    assert not heard


def test_no_job_at_all_is_refused():
    with pytest.raises(ArgumentError, match="expected at least 1 job, got 0"):
        Processes(0)
