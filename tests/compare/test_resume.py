"""A run that is killed without warning loses nothing that was finished."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.compare.tiny import experiment, same_result, settings

from circulant.compare.experiment import TrialSpec
from circulant.compare.fingerprint import trial_key
from circulant.compare.records import CONTROL, Trial
from circulant.compare.run import Watch, all_specs, run_comparison
from circulant.compare.runner import Serial
from circulant.compare.store import Store

# the driver of tests: it says so when a trial is in the store, then takes a long time for the next
DRIVER = """
import sys, time
from pathlib import Path
from tests.compare.tiny import experiment, settings
from circulant.compare.run import Watch, run_comparison
from circulant.compare.runner import Serial
from circulant.compare.store import Store
from circulant.compare import fingerprint
fingerprint.code_version = lambda: "the same"
done = 0
def finished(outcome):
    global done
    done += 1
    if done == 3:
        print("three", flush=True)
        time.sleep(600)
watch = Watch(lambda found, total: None, finished, lambda share: None)
run_comparison(experiment(), settings(), Store(Path(sys.argv[1])), Serial(), watch)
"""


@pytest.fixture(autouse=True)
def _same_code(monkeypatch):
    """Source that is edited while the test runs would rightly make every trial run again."""
    monkeypatch.setattr("circulant.compare.fingerprint.code_version", lambda: "the same")


@pytest.fixture(scope="module")
def killed_store(tmp_path_factory):
    path = tmp_path_factory.mktemp("killed") / "comparison.sqlite"
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, str(path)], stdout=subprocess.PIPE, text=True)
    assert driver.stdout.readline() == "three\n"
    os.kill(driver.pid, signal.SIGKILL)
    assert driver.wait(30) == -signal.SIGKILL
    driver.stdout.close()
    return path


def test_a_run_killed_in_the_middle_goes_on_and_equals_one_that_was_not(killed_store, tmp_path):
    store = Store(killed_store)
    specs = all_specs(settings())
    kept = [store.trial(trial_key(experiment(), spec)) for spec in specs]
    assert [trial is not None for trial in kept] == [True] * 3 + [False] * 3
    heard = []
    watch = Watch(lambda found, total: heard.append((found, total)), heard.append, lambda share: None)
    resumed = run_comparison(experiment(), settings(), store, Serial(), watch)
    assert heard[0] == (3, 6)
    assert [(trial.operator, trial.seed) for trial in heard[1:]] == [(s.operator, s.seed) for s in specs[3:]]
    assert [trial.train_seconds for trial in resumed.trials[:3]] == [
        trial.train_seconds for trial in kept[:3]
    ]
    quiet = Watch(lambda found, total: None, lambda outcome: None, lambda share: None)
    whole = run_comparison(experiment(), settings(), Store(tmp_path / "new.sqlite"), Serial(), quiet)
    assert len(whole.trials) == len(resumed.trials) == 6
    assert all(same_result(a, b) for a, b in zip(whole.trials, resumed.trials, strict=True))
    indices = [[hard.index for hard in comparison.hard_examples] for comparison in (whole, resumed)]
    assert indices[0] == indices[1]


def test_a_file_that_is_killed_while_open_is_whole(killed_store):
    assert isinstance(Store(Path(killed_store)).trial(trial_key(experiment(), TrialSpec(CONTROL, 0))), Trial)
