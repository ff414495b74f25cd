"""Processes: each sees the setting of malloc that it was started for, and none other."""

import json
import os
import subprocess
import sys

import pytest
from tests.bench.specimens import group

from circulant.bench import run
from circulant.bench.child import MeasuringError, findings
from circulant.bench.run import row_file, run_tasks
from circulant.bench.settings import TUNED_MALLOC, Malloc, Settings, malloc_of
from circulant.bench.worker import answers
from circulant.core.errors import ArgumentError

USERS_OWN = {"MALLOC_TOP_PAD_": "1", "PATH": "/bin", "CIRCULANT_ISA": "baseline"}
SHOW = "import json, os; print(json.dumps(dict(os.environ)))"


def seen_by_child(settings, outer):
    command = [sys.executable, "-c", SHOW]
    environment = settings.environment({**os.environ, **outer})
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(result.stdout)


def test_the_default_process_has_none_of_the_variables_whatever_the_user_has_set():
    seen = seen_by_child(Settings(Malloc.DEFAULT, 2, 1.0), USERS_OWN)
    assert not [name for name in seen if name.startswith("MALLOC_")]
    assert (seen["OMP_NUM_THREADS"], seen["PATH"], seen["CIRCULANT_ISA"]) == ("2", "/bin", "baseline")


def test_the_tuned_process_has_all_of_them_and_the_wanted_instruction_set():
    seen = seen_by_child(Settings(Malloc.TUNED, 3, 1.0, isa="avx2"), USERS_OWN)
    assert {name: seen[name] for name in TUNED_MALLOC} == {
        "MALLOC_MMAP_THRESHOLD_": "17179869184",
        "MALLOC_TRIM_THRESHOLD_": "17179869184",
        "MALLOC_TOP_PAD_": "268435456",
    }
    assert (seen["OMP_NUM_THREADS"], seen["CIRCULANT_ISA"]) == ("3", "avx2")


def test_a_setting_is_known_by_its_variables():
    assert malloc_of({"PATH": "/bin"}) is Malloc.DEFAULT
    assert malloc_of(TUNED_MALLOC) is Malloc.TUNED
    assert malloc_of({"MALLOC_TOP_PAD_": "1"}) is None


@pytest.mark.parametrize("environment", [{}, {"MALLOC_TOP_PAD_": "1"}])
def test_a_process_that_has_not_what_it_should_measure_refuses(environment):
    settings = {"malloc": "tuned", "threads": 1, "budget": 0.0, "without": [], "isa": ""}
    with pytest.raises(ArgumentError, match="expected the variables of tuned malloc"):
        next(answers({"settings": settings, "tasks": [], "sampled": []}, environment))


def test_times_measured_before_are_neither_seen_nor_suffered(tmp_path, monkeypatch):
    asking = tmp_path / "python"
    asking.write_text(
        "#!/bin/sh\ncat > /dev/null\n"
        'printf \'["%s", "%s"]\\n\' "$CIRCULANT_CACHE" "$(ls "$CIRCULANT_CACHE")"\n'
    )
    asking.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(asking))
    monkeypatch.setenv("CIRCULANT_CACHE", str(tmp_path))
    ((folder, content),) = findings({}, Settings(Malloc.DEFAULT, 1, 0.0))
    assert folder != str(tmp_path) and content == "" and not os.path.exists(folder)
    (tmp_path / "wisdom.sqlite").touch()
    settings = {"malloc": "default", "threads": 1, "budget": 0.0, "without": [], "isa": ""}
    with pytest.raises(ArgumentError, match=r"expected no times measured before, .*wisdom\.sqlite"):
        next(answers({"settings": settings, "tasks": [], "sampled": []}, {}))


def test_a_process_that_dies_is_an_error_of_ours_and_what_it_said_before_counts(tmp_path, monkeypatch):
    dying = tmp_path / "python"
    dying.write_text("#!/bin/sh\ncat > /dev/null\necho '{\"rows\": []}'\nexit 3\n")
    dying.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(dying))
    heard = findings({}, Settings(Malloc.DEFAULT, 1, 0.0))
    assert next(heard) == {"rows": []}
    with pytest.raises(MeasuringError, match="got exit code 3"):
        next(heard)


def test_closing_the_findings_ends_the_process(tmp_path, monkeypatch):
    endless = tmp_path / "python"
    endless.write_text("#!/bin/sh\ncat > /dev/null\necho $$\nexec sleep 600\n")
    endless.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(endless))
    heard = findings({}, Settings(Malloc.DEFAULT, 1, 0.0))
    process = next(heard)
    heard.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_networks_have_a_process_each_and_all_else_one_together(tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(run, "findings", lambda job, settings: started.append(job["tasks"]) or ())
    tasks = run.tasks_of([group("resnet", ((1, 8), (2, 8)), operation="ResNet-50"), group(), group()])
    list(run_tasks(tasks, Settings(Malloc.DEFAULT, 1, 0.0), row_file(tmp_path / "r.csv")))
    assert [[task["group"]["name"] for task in tasks] for tasks in started] == [
        ["a group", "a group"], ["resnet"], ["resnet"],
    ]  # fmt: skip


def test_no_process_is_started_for_no_task(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    assert list(run_tasks([], Settings(Malloc.DEFAULT, 1, 0.0), row_file(tmp_path / "r.csv"))) == []
