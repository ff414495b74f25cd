"""The command, from the text that a person types to files, words and exit codes."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from typer.testing import CliRunner

from circulant.cli import compare as command
from circulant.cli.compare import DEFAULT_OPERATORS, parse_budget, parse_operators
from circulant.cli.main import app
from circulant.compare.records import Budget, BudgetUnit
from circulant.core.errors import ArgumentError
from circulant.data.task import Task
from circulant.models.find import find_mixer


def run(*arguments):
    return CliRunner().invoke(app, ["compare", *map(str, arguments)])


@pytest.fixture
def waves(tmp_path):
    """Series of two frequencies."""
    random = np.random.default_rng(0)
    phase, fast = random.uniform(0, 6, (40, 1)), np.arange(40) % 2
    x = np.sin(np.arange(16) * (0.5 + 1.5 * fast[:, None]) + phase)
    np.savez(tmp_path / "waves.npz", x=x, y=np.where(fast, "fast", "slow"))
    return tmp_path / "waves.npz"


def test_a_comparison_writes_its_report_and_says_where_and_what_to_take(waves, tmp_path):
    out = tmp_path / "out"
    result = run("--data", waves, "--operators", "Conv", "--seeds", 1, "--budget", "3e", "--out", out)
    assert result.exit_code == 0, result.output
    assert f"Report: {out.resolve() / 'index.html'}" in result.stdout and "Conv" in result.stdout
    page = (out / "index.html").read_text()
    assert "<html" in page and "waves" in page and (out / "comparison.sqlite").is_file()
    assert "2 of 2  Conv, seed 0: " in result.stderr


def test_json_holds_the_figures_and_a_second_run_reuses_every_trial(waves, tmp_path):
    arguments = ["--data", waves, "--operators", "Conv", "--seeds", 2, "--budget", "1e", "--out", tmp_path]
    first = json.loads(run(*arguments, "--title", 'a <b> & "c"', "--json").stdout)
    assert {entry["operator"] for entry in first["operators"]} == {"Conv", "control"}
    assert first["seeds"] == [0, 1] and first["budget"] == "1e" and first["data"]["shape"] == [1, 16]
    assert all(0 <= entry["low"] <= entry["accuracy"] <= entry["high"] <= 1 for entry in first["operators"])
    assert first["command"].endswith("--title 'a <b> & \"c\"'")
    again = run(*arguments, "--json")
    assert "4 of 4 trials were finished before and are reused" in again.stderr
    second = json.loads(again.stdout)
    assert second["operators"] == first["operators"] and second["machine"] == first["machine"]


WRONG = {
    "no operator named 'Cnov'; did you mean Conv": ["--operators", "Cnov"],
    "expected a budget in epochs or seconds, got '2x'; write for example 2e or 60s": ["--budget", "2x"],
    "expected operators, each once, got Conv twice": ["--operators", "Conv,Conv"],
    "no data set or path named 'mnist'; did you mean mnist5k": ["--data", "mnist"],
    "no such file or folder": ["--data", "absent/pictures.npz"],
    "Dcls2d works on pictures, but the data are series": ["--data", "GunPoint", "--operators", "Dcls2d"],
    "--size is for folders of pictures": ["--size", "8"],
    "expected --jobs or --ray, got both": ["--jobs", "2", "--ray", "local"],
}


@pytest.mark.parametrize("words", WRONG)
def test_wrong_use_is_one_clear_line_and_exit_code_2(words, tmp_path):
    result = run(*WRONG[words], "--out", tmp_path)
    assert result.exit_code == 2 and result.stdout == ""
    assert words in result.stderr and len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("option", ["--seeds", "--jobs"])
def test_counts_start_at_one(option):
    assert run(option, 0).exit_code == 2


def test_a_damaged_store_is_exit_code_1_and_nothing_is_lost(waves, tmp_path):
    (tmp_path / "comparison.sqlite").write_text("damaged " * 200)
    result = run("--data", waves, "--operators", "Conv", "--out", tmp_path)
    assert result.exit_code == 1 and "it is damaged" in result.stderr
    [kept] = tmp_path.glob("comparison.sqlite.damaged-*Z")
    assert kept.read_text() == "damaged " * 200


def test_when_every_operator_fails_the_exit_code_is_1_and_each_failure_is_told(waves, tmp_path, monkeypatch):
    def broken(channels, spatial):
        raise RuntimeError("no room for the kernel")

    from circulant.compare import setup
    from circulant.models.mixer import Mixer

    monkeypatch.setattr(setup, "find_mixer", lambda name: Mixer(name, (1,), broken))
    arguments = ["--data", waves, "--operators", "Conv", "--seeds", 1, "--budget", "1e", "--out", tmp_path]
    result = run(*arguments)
    assert result.exit_code == 1
    assert "failed: Conv, seed 0: RuntimeError: no room for the kernel" in result.stderr
    assert "No operator finished" in result.stdout and (tmp_path / "index.html").is_file()


def test_ctrl_c_ends_with_130_says_how_to_go_on_and_keeps_what_is_finished(waves, tmp_path):
    arguments = [
        "--data",
        str(waves),
        "--operators",
        "Conv",
        "--budget",
        "2s",
        "--out",
        str(tmp_path / "out"),
    ]
    running = subprocess.Popen(
        [sys.executable, "-m", "circulant.cli", "compare", *arguments, "--seeds", "20"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert running.stderr.readline().startswith("1 of 40  control, seed 0: ")
    time.sleep(0.2)  # into the next trial
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "interrupted; finished trials are in" in errors and "run the same command to go on" in errors
    assert "Traceback" not in errors and not (tmp_path / "out" / "index.html").exists()


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("2e", Budget(2, BudgetUnit.EPOCHS)),
        ("0.5e", Budget(0.5, BudgetUnit.EPOCHS)),
        (" 60s ", Budget(60, BudgetUnit.SECONDS)),
    ],
)
def test_budgets_are_epochs_or_seconds(text, budget):
    assert parse_budget(text) == budget


@pytest.mark.parametrize(
    "text", ["", "e", "2", "2 minutes", "-1e", "0e", "0.0s", "1e5e", "inf s", "nans", "2ee"]
)
def test_other_budgets_are_refused(text):
    with pytest.raises(ArgumentError, match="write for example 2e or 60s"):
        parse_budget(text)


def test_operators_are_split_at_commas():
    assert parse_operators(" Conv , LongConv1d,") == ("Conv", "LongConv1d")
    with pytest.raises(ArgumentError, match="each once, got none"):
        parse_operators(" , ")


@pytest.mark.parametrize(("task", "ndim"), DEFAULT_OPERATORS)
def test_default_operators_exist_and_take_the_data(task, ndim):
    names = parse_operators(DEFAULT_OPERATORS[task, ndim])
    assert len(names) == (8 if task is Task.CLASSIFICATION else 6)
    for name in names:
        find_mixer(name).require(ndim)
        if task is Task.NEXT_CHARACTER:
            find_mixer(name).require_causal()


def test_a_missing_package_is_named_before_any_work(monkeypatch, tmp_path):
    monkeypatch.setattr("circulant.data.installed.find_spec", lambda package: None)
    monkeypatch.setattr(command, "load", lambda *arguments: pytest.fail("data were read"))
    result = run("--out", tmp_path)
    assert result.exit_code == 2 and "pip install circulant[compare]" in result.stderr
