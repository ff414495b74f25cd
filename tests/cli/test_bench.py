"""The command, from what a person types to rows, words and exit codes."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from tests.bench.specimens import row
from tests.bench.test_never_slower import ROW
from typer.testing import CliRunner

from circulant.bench.child import MeasuringError
from circulant.bench.contestant import Role
from circulant.bench.row import Status
from circulant.bench.settings import Malloc, Settings
from circulant.bench.workload import groups
from circulant.cli import bench as command
from circulant.cli.main import app

TINY = """
[[group]]
name = "tiny sequences"
operation = "depthwise_conv1d"
columns = ["batch", "channels", "length", "kernel"]
shapes = [[1, 2, 12, 3], [2, 1, 9, 2]]
passes = "forward and backward"
goal = { default = 1000, tuned = 0.000001 }

[[group]]
name = "tiny music"
operation = "no_such_operation"
columns = ["batch"]
shapes = [[1]]
passes = "forward"
"""


def run(*arguments):
    return CliRunner().invoke(app, ["bench", *map(str, arguments)])


@pytest.fixture
def tiny(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.fixture
def pretended(monkeypatch):
    """Instead of processes that measure: one row of ours for each task, with what was asked for."""
    asked = []

    def run_tasks(tasks, settings, file):
        for task in tasks:
            asked.append((task.group.name, task.shape, settings))
            shape = "x".join(map(str, task.shape))
            made = row(group=task.group.name, shape=shape, malloc=settings.malloc, threads=settings.threads,
                       isa=command.isa_in_use(settings.isa))  # fmt: skip
            file.replace([made])
            yield [made]

    monkeypatch.setattr(command, "run_tasks", run_tasks)
    return asked


def test_a_small_group_runs_end_to_end_in_a_process_for_each_setting_of_malloc(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("MALLOC_TOP_PAD_", "4096")  # of the user's own: a process that saw it would refuse
    out = tmp_path / "results.csv"
    settings = ("--threads", 1, "--budget", 0.05, "--without", "compile", "--isa", "baseline")
    result = run("--workloads", tiny, "--out", out, *settings)
    assert result.exit_code == 0, result.output
    lines = list(csv.DictReader(out.open()))
    timed = {(line["contestant"], line["malloc"]) for line in lines if line["status"] == "measured"}
    names = ("circulant", "F.conv1d", "F.conv2d, channels last")
    assert timed == {(name, malloc) for name in names for malloc in ("default", "tuned")}
    assert all(float(line["seconds"]) > 0 for line in lines if line["status"] == "measured")
    assert all(float(line["error"]) < 1e-6 for line in lines if line["status"] == "measured")
    assert {line["isa"] for line in lines} <= {"baseline", "none"}
    ways = {line["note"] for line in lines if line["contestant"] == "circulant"}
    assert all(" on " in way and f"circulant by {way} (" in result.stdout for way in ways)
    assert "times as fast as plain torch (default malloc), goal 1000: missed by" in result.stdout
    assert "goal 1e-06: met" in result.stdout
    assert "torch.compile of F.conv1d: left out, not wanted" in result.stdout
    assert "its operation cannot be timed yet" in result.stdout
    assert "4 of 4  tiny sequences, 2x1x9x2, tuned malloc" in result.stderr


def test_the_list_says_which_groups_can_be_timed(tiny):
    text = run("--list", "--workloads", tiny).stdout
    assert "tiny sequences" in text and "no_such_operation (not yet)" in text
    every = json.loads(run("--list", "--json").stdout)
    assert [one["name"] for one in every] == [group.name for group in groups()]
    assert every[0]["shapes"][0] == [8, 768, 1024] and every[0]["can_run"] is True


def test_networks_are_groups_of_their_own():
    text = run("--models", "--list").stdout
    assert "ResNet-50" in text and "HyenaDNA" in text and "not yet" not in text
    assert len(text.splitlines()) == 7


def test_groups_are_chosen_by_a_part_of_their_name(pretended, tmp_path):
    chosen = ("--malloc", "tuned", "--budget", 3, "--isa", "avx2")
    result = run("involution, f", "--out", tmp_path / "r.csv", *chosen)
    assert result.exit_code == 0, result.output
    assert {name for name, _, _ in pretended} == {"involution, forward"} and len(pretended) == 3
    assert pretended[0][2] == Settings(Malloc.TUNED, 2, 3.0, isa="avx2")


def test_resume_leaves_out_what_the_file_holds_under_the_same_settings(pretended, tiny, tmp_path):
    arguments = ["--workloads", tiny, "--out", tmp_path / "r.csv", "--resume"]
    run(*arguments, "--malloc", "default")
    assert len(pretended) == 2
    run(*arguments)
    assert [settings.malloc for _, _, settings in pretended[2:]] == [Malloc.TUNED] * 2
    run(*arguments)
    assert len(pretended) == 4
    run(*arguments, "--threads", 1)
    assert len(pretended) == 8


def test_without_resume_everything_is_measured_again(pretended, tiny, tmp_path):
    for _ in range(2):
        run("--workloads", tiny, "--out", tmp_path / "r.csv", "--malloc", "default")
    assert len(pretended) == 4


def test_json_holds_factors_goals_and_results(pretended, tiny, tmp_path):
    out = tmp_path / "r.csv"
    found = json.loads(run("--workloads", tiny, "--out", out, "--json").stdout)
    assert found["results"] == str(out)
    first = found["groups"][0]
    assert first["name"] == "tiny sequences"
    assert first["findings"][0] == {
        "against": "plain torch", "malloc": "default", "times_faster": None, "goal": 1000,
        "outcome": "incomplete", "shapes": [],
    }  # fmt: skip


def test_a_wrong_result_of_ours_fails_the_command_and_says_so(monkeypatch, tiny, tmp_path):
    def run_tasks(tasks, settings, file):
        wrong = row(group="tiny sequences", shape="1x2x12x3", status=Status.WRONG, note="the result is wrong",
                    isa=command.isa_in_use())  # fmt: skip
        file.replace([wrong, row("peer", Role.PEER, group="tiny sequences", shape="1x2x12x3")])
        yield [wrong]

    monkeypatch.setattr(command, "run_tasks", run_tasks)
    result = run("--workloads", tiny, "--out", tmp_path / "r.csv", "--malloc", "default")
    assert result.exit_code == 1
    assert "WRONG OR MISSING: 1x2x12x3, default malloc: wrong, the result is wrong" in result.stdout


def test_a_process_that_dies_fails_the_command(monkeypatch, tiny, tmp_path):
    def run_tasks(tasks, settings, file):
        raise MeasuringError("expected an end, got exit code 9; look above")
        yield

    monkeypatch.setattr(command, "run_tasks", run_tasks)
    result = run("--workloads", tiny, "--out", tmp_path / "r.csv")
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (
        1, "circulant: expected an end, got exit code 9; look above",
    )  # fmt: skip


def test_the_sampled_run_reports_violations_and_goes_on_where_it_was(monkeypatch, tmp_path):
    asked = []

    def run_sampled(numbers, settings, file):
        asked.append(list(numbers))
        for number in list(numbers)[:3]:
            low = 1.5 if number == 1 else 0.9
            made = type(ROW)(**{**{n: getattr(ROW, n) for n in ROW.__slots__}, "number": number, "threads": 2,
                                "isa": command.isa_in_use(), "ratio_low": low})  # fmt: skip
            file.replace([made])
            yield made

    monkeypatch.setattr(command, "run_sampled", run_sampled)
    out = tmp_path / "sampled.csv"
    first = run("--never-slower", "--out", out)
    assert first.exit_code == 0, first.output
    assert "1 of 3 samples are slower than torch" in first.stdout and "297 of 300" in first.stdout
    found = json.loads(run("--never-slower", "--out", out, "--resume", "--json").stdout)
    assert asked == [list(range(300)), list(range(3, 300))]
    assert [one["number"] for one in found["runs"][0]["violations"]] == [1]
    assert found["runs"][0]["measured"] == 6 and found["runs"][0]["worst"]["number"] == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("involutoin",), "no group named 'involutoin'"),
        (("--malloc", "fast"), "no setting of malloc named 'fast'; did you mean default?"),
        (("--isa", "avx3"), "no instruction set named 'avx3'"),
        (("--threads", "0"), "--threads"),
        (("--models", "--operators"), "got --operators and --models; run them in turn"),
        (("--workloads", "no/such/file.toml"), "expected a file of groups"),
    ],
)
def test_wrong_use_is_refused_in_words_that_help(arguments, says, tmp_path):
    result = run(*arguments, "--out", tmp_path / "r.csv")
    assert result.exit_code == 2
    assert says in result.stderr


def test_a_file_that_holds_no_groups_is_refused(tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text('[[group]]\nname = "only a name"\n')
    result = run("--workloads", path)
    assert result.exit_code == 2 and "expected a file of groups" in result.stderr


def test_a_damaged_results_file_is_refused_before_anything_is_measured(pretended, tiny, tmp_path):
    out = tmp_path / "r.csv"
    out.write_text("not,ours\n1,2\n")
    result = run("--workloads", tiny, "--out", out)
    assert result.exit_code == 1 and "expected a table with the columns" in result.stderr
    assert pretended == []


def test_ctrl_c_ends_the_run_with_what_was_finished_in_the_file(tmp_path):
    workloads, out = tmp_path / "many.toml", tmp_path / "r.csv"
    shapes = [[1, 2, size, 3] for size in range(10, 200)]
    workloads.write_text(TINY.replace("[[1, 2, 12, 3], [2, 1, 9, 2]]", str(shapes)))
    settings = ["--threads", "1", "--budget", "0.3", "--without", "compile"]
    arguments = ["--workloads", workloads, "--out", out, *settings]
    process = subprocess.Popen(
        [sys.executable, "-m", "circulant.cli", "bench", *map(str, arguments)],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    limit = time.monotonic() + 120
    while not out.exists() and time.monotonic() < limit:
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "--resume goes on" in said
    lines = list(csv.DictReader(out.open()))
    assert lines[0]["shape"] == "1x2x10x3" and len(lines) % 4 == 0
