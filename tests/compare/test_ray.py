"""Trials on a local Ray cluster of two workers, one of which is killed in the middle of its trial."""

import os
import signal
import sys
from threading import Thread
from time import monotonic, sleep

import psutil
import pytest
from tests.compare.tiny import experiment, same_result, settings

from circulant.compare.experiment import TrialSpec
from circulant.compare.ray_runner import RayCluster
from circulant.compare.records import Budget, BudgetUnit, Settings, Trial
from circulant.compare.run import Watch, all_specs, run_comparison
from circulant.compare.runner import Serial
from circulant.compare.store import Store
from circulant.compare.trial import run_trial
from circulant.core.errors import CirculantError, MissingExtraError


@pytest.fixture(scope="module")
def cluster():
    import ray

    ray.init(
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=80 * 2**20,
        log_to_driver=False,
        logging_level="ERROR",
        runtime_env={"env_vars": {"PYTHONPATH": os.pathsep.join(sys.path)}},
    )
    yield
    ray.shutdown()


def busy_workers():
    """Processes of this cluster that are running a trial now, as Ray titles them."""
    return [child for child in psutil.Process().children(recursive=True) if "ray::attempt" in _title(child)]


def _title(process):
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def kill_one_busy_worker(killed):
    """As soon as there is one, in the middle of its trial."""
    deadline = monotonic() + 60
    while monotonic() < deadline and not killed:
        for process in busy_workers()[:1]:
            sleep(0.3)  # into the training of a trial that takes longer
            process.send_signal(signal.SIGKILL)
            killed.append(process.pid)
        sleep(0.05)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "auto", "nonsense"])
def test_an_address_without_a_cluster_is_refused_at_once(address):
    with pytest.raises(CirculantError, match=f"expected a Ray cluster at {address}, but .*; start one with"):
        list(RayCluster(address).run(experiment(), all_specs(settings())))


def test_a_killed_trial_is_run_again_and_nothing_is_lost_or_counted_twice(cluster, tmp_path):
    budget = Budget(1.0, BudgetUnit.SECONDS)
    wanted = Settings("tiny", ("Conv",), (0, 1), budget, "circulant compare")
    store, finished, killed = Store(tmp_path / "store.sqlite"), [], []
    killer = Thread(target=kill_one_busy_worker, args=(killed,), daemon=True)
    killer.start()
    watch = Watch(lambda found, total: None, finished.append, lambda share: None)
    timed = experiment(1.0, BudgetUnit.SECONDS)
    comparison = run_comparison(timed, wanted, store, RayCluster("auto"), watch)
    killer.join()
    assert len(killed) == 1 and not psutil.pid_exists(killed[0])
    expected = [(spec.operator, spec.seed) for spec in all_specs(wanted)]
    assert [(trial.operator, trial.seed) for trial in comparison.trials] == expected
    assert sorted((outcome.operator, outcome.seed) for outcome in finished) == sorted(expected)
    assert all(isinstance(outcome, Trial) for outcome in finished) and not comparison.failures
    heard = []
    again = Watch(lambda found, total: heard.append((found, total)), heard.append, lambda share: None)
    run_comparison(timed, wanted, store, Serial(), again)
    assert heard == [(4, 4)]  # all in the store, each once


def test_a_trial_on_the_cluster_equals_one_at_home(cluster):
    [remote] = RayCluster("auto").run(experiment(), [TrialSpec("Conv", 1)])
    assert same_result(remote, run_trial(experiment(), TrialSpec("Conv", 1)))


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("circulant.data.installed.find_spec", lambda package: None)
    with pytest.raises(MissingExtraError, match=r"pip install circulant\[ray\]"):
        RayCluster("local")
