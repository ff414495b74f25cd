"""Finished trials on disk: whole, shared, and never thrown away."""

import sqlite3
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from tests.compare.tiny import experiment

from circulant.compare.codec import trial_from_text, trial_to_text
from circulant.compare.experiment import TrialSpec
from circulant.compare.measurements import Measurements
from circulant.compare.records import CONTROL, CurvePoint, Machine, Profile, Spread, Trial
from circulant.compare.store import APPLICATION, SCHEMA_VERSION, Store
from circulant.compare.trial import run_trial
from circulant.core.errors import StoreError

TRIAL = Trial("Conv", 3, (1, 0, 2), (CurvePoint(0.5, 0.1 + 0.2, 1e-17, 1 / 3),), 2.5, None)
SPREAD = Spread(0.1 + 0.2, 1 / 3, 5e-300)
MEASUREMENTS = Measurements(
    (Profile("Conv", 10, 2.5, SPREAD, SPREAD, 7, 8, 32),),
    Machine("a & b", 2, 1, 3, 0.25, (("torch", "2.13"), ("numpy", "2")), "2026-01-02T03:04:05+00:00"),
)


def test_trials_and_measurements_come_back_exactly(tmp_path):
    store = Store(tmp_path / "new" / "store.sqlite")
    assert store.trial("k") is None and store.measurements("k") is None
    store.add_trial("k", TRIAL)
    store.add_measurements("k", MEASUREMENTS)
    again = Store(tmp_path / "new" / "store.sqlite")
    assert again.trial("k") == TRIAL and again.measurements("k") == MEASUREMENTS
    assert again.trial("other") is None


@pytest.mark.parametrize("operator", ["Conv", CONTROL])
def test_a_real_trial_survives_the_text_form_bit_by_bit(operator):
    trial = run_trial(experiment(), TrialSpec(operator, 0))
    again = trial_from_text(trial_to_text(trial))
    assert replace(again, sight=None) == replace(trial, sight=None)
    if operator == CONTROL:
        assert again.sight is None
        return
    for part in ("receptive_field", "frequency_response"):
        mine, theirs = getattr(again.sight, part), getattr(trial.sight, part)
        for field in theirs.__slots__:
            assert np.array_equal(getattr(mine, field), getattr(theirs, field)), field
            assert type(getattr(mine, field)) is type(getattr(theirs, field))


def test_the_first_result_under_a_key_stays(tmp_path):
    store = Store(tmp_path / "store.sqlite")
    store.add_trial("k", TRIAL)
    store.add_trial("k", replace(TRIAL, predicted=(9, 9, 9)))
    assert store.trial("k") == TRIAL


WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from tests.compare.test_store import TRIAL
from circulant.compare.store import Store
store = Store(Path(sys.argv[1]))
for number in range(30):
    store.add_trial(f"{sys.argv[2]}-{number}", replace(TRIAL, seed=number))
"""


def test_two_processes_open_and_write_the_same_new_file(tmp_path):
    path = tmp_path / "store.sqlite"
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen([*command, name], stderr=subprocess.PIPE) for name in ("a", "b")]
    for writer in writers:
        _, errors = writer.communicate(timeout=60)
        assert writer.returncode == 0, errors.decode()
    store = Store(path)
    assert all(store.trial(f"{name}-{n}") == replace(TRIAL, seed=n) for name in ("a", "b") for n in range(30))


def damaged_files(folder):
    """Those kept aside, without SQLite's journals beside them."""
    return sorted(path for path in folder.iterdir() if ".damaged-" in path.name and path.name.endswith("Z"))


def no_database(content):
    return b"this is not a database, it is a letter to my aunt. " * 10


def zeros_in_the_middle(content):
    return content[:4096] + bytes(len(content) - 4096)


def half(content):
    return content[: len(content) // 2]


@pytest.mark.parametrize("damage", [no_database, zeros_in_the_middle, half])
def test_a_damaged_file_is_kept_aside_untouched_and_the_next_run_starts_anew(tmp_path, damage):
    path = tmp_path / "store.sqlite"
    store = Store(path)
    for number in range(50):
        store.add_trial(str(number), TRIAL)
    content = damage(path.read_bytes())
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"expected a whole results file.*renamed to .*Run the same command"):
        Store(path)
    assert [kept.read_bytes() for kept in damaged_files(tmp_path)] == [content] and not path.exists()
    fresh = Store(path)
    assert fresh.trial("1") is None
    fresh.add_trial("1", TRIAL)
    assert Store(path).trial("1") == TRIAL and len(damaged_files(tmp_path)) == 1


def test_a_row_that_is_not_a_trial_counts_as_damage(tmp_path):
    path = tmp_path / "store.sqlite"
    store = Store(path)
    store.add_trial("k", TRIAL)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE trials SET record = substr(record, 1, 20)")
    with pytest.raises(StoreError, match="it is damaged"):
        store.trial("k")
    assert len(damaged_files(tmp_path)) == 1


@pytest.mark.parametrize(("application", "version"), [(7, SCHEMA_VERSION), (APPLICATION, SCHEMA_VERSION + 1)])
def test_a_file_of_another_program_or_version_is_left_alone(tmp_path, application, version):
    path = tmp_path / "store.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE mine (x)")
        connection.execute(f"PRAGMA application_id = {application}")
        connection.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(
        StoreError, match=f"application {application:#x} with schema {version}; choose another"
    ):
        Store(path)
    assert path.exists() and not damaged_files(tmp_path)
    with sqlite3.connect(path) as connection:
        assert [row[0] for row in connection.execute("SELECT name FROM sqlite_master")] == ["mine"]


def test_a_file_of_another_program_without_any_mark_is_left_alone_too(tmp_path):
    path = tmp_path / "store.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE mine (x)")
    with pytest.raises(StoreError, match="choose another folder"):
        Store(path)


def test_a_folder_in_the_place_of_the_file_is_refused_and_kept(tmp_path):
    (tmp_path / "store.sqlite").mkdir()
    with pytest.raises(StoreError, match=r"that can be read and written, got .*choose another with --out"):
        Store(tmp_path / "store.sqlite")
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="choose another with --out"):
        Store(tmp_path / "file" / "store.sqlite")
    assert not damaged_files(tmp_path)
