"""Whole comparisons of text and of fields, and the choice of operators for them."""

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.compare.synthetic import NINE, comparison_of, scored
from tests.compare.test_page import Page
from tests.compare.tiny import same_result
from typer.testing import CliRunner

from circulant.cli.main import app
from circulant.compare.choice import Timing
from circulant.compare.codec import trial_from_text, trial_to_text
from circulant.compare.experiment import TrialSpec, experiment_for
from circulant.compare.findings.learning import learning_of
from circulant.compare.outline import outline
from circulant.compare.page import render_report
from circulant.compare.page.learning_plot import learning_axes
from circulant.compare.page.tradeoff_plot import _frame
from circulant.compare.page.width import Width
from circulant.compare.records import CONTROL, Budget, BudgetUnit
from circulant.compare.rooms import expanded, room
from circulant.compare.setup import SETUPS
from circulant.compare.statistics import statistics_of
from circulant.compare.trial import run_trial
from circulant.core.errors import ArgumentError
from circulant.data.dataset import Part
from circulant.data.load import load
from circulant.data.task import Task
from circulant.models.operator_network import Design, Stage

SMALL = Design((Stage(16, 1),))


@pytest.fixture
def novel(tmp_path):
    """Each word follows from the one before."""
    random = np.random.default_rng(0)
    words = ["alpha ", "beta ", "gamma ", "delta "]
    (tmp_path / "novel.txt").write_text("".join(words[n] for n in random.integers(0, 4, 4000)))
    return tmp_path / "novel.txt"


@pytest.fixture
def shifts(tmp_path):
    """y is x, moved by two positions."""
    x = np.random.default_rng(0).normal(size=(60, 16))
    np.savez(tmp_path / "shifts.npz", x=x, y=np.roll(x, 2, 1))
    return tmp_path / "shifts.npz"


def run(*arguments):
    return CliRunner().invoke(app, ["compare", *map(str, arguments)])


def test_text_is_compared_from_the_command_line(novel, tmp_path):
    arguments = ["--data", novel, "--operators", "Conv", "--seeds", 1, "--budget", "1e", "--out", tmp_path]
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["metric"] == "bits_per_character" and told["data"]["task"] == "next character"
    operator = next(one for one in told["operators"] if one["operator"] == "Conv")
    assert operator["low"] <= operator["bits_per_character"] <= operator["high"] < 4
    assert 0 < operator["characters_right"] < 1 and "accuracy" not in operator
    page = Page((tmp_path / "index.html").read_text())
    assert not page.unbalanced and "bits per character" in page.words["h1"]
    assert "2 of 2  Conv, seed 0: " in result.stderr and "bits" in result.stderr
    assert "2 of 2 trials were finished before" in run(*arguments).stderr


def test_fields_are_compared_from_the_command_line(shifts, tmp_path):
    arguments = ["--operators", "DepthwiseConv", "--seeds", 1, "--budget", "4e", "--out", tmp_path, "--json"]
    told = json.loads(run("--data", shifts, *arguments).stdout)
    error = {one["operator"]: one["relative_error"] for one in told["operators"]}
    assert told["metric"] == "relative_error" and error["DepthwiseConv"] < error[CONTROL]
    assert "characters_right" not in told["operators"][0]
    page = Page((tmp_path / "index.html").read_text())
    assert not page.unbalanced and "relative error" in page.words["h1"]


def test_operators_that_see_ahead_are_refused_for_text_in_one_line(novel, tmp_path):
    result = run("--data", novel, "--operators", "FourierMixing1d", "--out", tmp_path)
    assert result.exit_code == 2 and len(result.stderr.strip().splitlines()) == 1
    assert "text needs causal operators" in result.stderr
    result = run("--data", novel, "--operators", "Dcls2d", "--out", tmp_path)
    assert result.exit_code == 2 and "Dcls2d works on pictures, but the data are series" in result.stderr


@pytest.mark.parametrize("operator", ["LongConv1d", CONTROL])
def test_a_trial_of_text_is_kept_exactly_and_is_the_same_again(novel, operator):
    experiment = replace(
        experiment_for(load(str(novel), None, None, 0), Budget(1, BudgetUnit.EPOCHS)), design=SMALL
    )
    trial = run_trial(experiment, TrialSpec(operator, 0))
    assert trial.predicted == () and len(trial.scores) == len(experiment.dataset.test)
    assert trial.curve[-1].test_score == pytest.approx(np.mean(trial.scores))
    again = trial_from_text(trial_to_text(trial))
    assert replace(again, sight=None) == replace(trial, sight=None)
    repeated = run_trial(experiment, TrialSpec(operator, 0))
    assert same_result(repeated, trial) and repeated.scores == trial.scores
    if operator != CONTROL:
        share = trial.sight.receptive_field.share[0]
        assert share[129:].sum() < 1e-12 and share[:129].sum() == pytest.approx(1)


def test_each_task_has_its_network_recipe_and_words():
    assert set(SETUPS) == set(Task)
    assert (
        SETUPS[Task.CLASSIFICATION].recipe.label_smoothing and not SETUPS[Task.FIELD].recipe.label_smoothing
    )
    assert not SETUPS[Task.NEXT_CHARACTER].recipe.label_smoothing


def test_the_network_is_described_by_task(novel, shifts):
    budget = Budget(1, BudgetUnit.EPOCHS)
    text = experiment_for(load(str(novel), None, None, 0), budget).describe()
    assert text.sentence.startswith("An embedding of the 11 characters, then 4 residual blocks of 64")
    assert (text.first, text.last, text.depth) == ("embedding", "head", 4)
    field = experiment_for(load(str(shifts), None, None, 0), budget).describe()
    assert field.sentence.startswith("A two-layer MLP lifts the values and coordinates of each point to 32")
    assert (field.first, field.last) == ("lift", "projection")


def test_a_room_stands_for_what_fits_the_data(novel, shifts):
    text, field = (load(str(path), None, None, 0) for path in (novel, shifts))
    causal = room("sequence", text)
    assert "LongConv1d" in causal.fitting and set(causal.fitting).isdisjoint(causal.others)
    spectral = room("spectral", field)
    assert "AdaptiveSpectralFilter1d" in spectral.fitting
    assert "LearnedButterfly" in room("sequence", field).fitting + room("sequence", field).others
    with pytest.raises(ArgumentError, match="got spatial, of which none does"):
        room("spatial", text)
    found = room("spatial", field)
    assert "Dcls1d" in found.fitting and "Dcls2d" in found.others and "LargeKernelConv2d" in found.others
    found = room("spatial", replace(field, train=Part(np.zeros((2, 1, 4, 4)), np.zeros((2, 1, 4, 4)))))
    assert "Dcls2d" in found.fitting and {"Dcls1d", "Dcls3d"} <= set(found.others)
    names = ("Conv", "sequence", "LongConv1d")
    assert expanded(names, [causal]) == tuple(dict.fromkeys(("Conv", *causal.fitting)))


def test_a_room_on_the_command_line_says_how_much_of_it_is_compared(novel, monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr("circulant.cli.compare.run_comparison", lambda *a: seen.append(a[1]) or 1 / 0)
    result = run("--data", novel, "--operators", "Conv,sequence", "--out", tmp_path)
    found = room("sequence", load(str(novel), None, None, 0))
    every = len(found.fitting) + len(found.others)
    assert f"sequence: {len(found.fitting)} of {every} operators take these data" in result.stderr
    assert seen[0].operators == ("Conv", *found.fitting) and ",".join(found.fitting) in seen[0].command


@pytest.mark.parametrize("task", [Task.NEXT_CHARACTER, Task.FIELD])
def test_the_page_of_every_task_is_whole_and_speaks_of_its_metric(task):
    whole = scored(comparison_of(NINE[:4], examples=60, shape=(1, 64)), task)
    page = Page(render_report(whole))
    title = "Bits per character" if task is Task.NEXT_CHARACTER else "Relative error"
    assert not page.unbalanced and f"{title} against time" in page.words["h2"]
    assert "ccuracy" not in page.words["body"].replace("characters right", "")
    first = page.all("th", scope="col")[1]
    assert first["data-sort"] == first["aria-sort"] == "ascending"


def test_less_is_up_where_operators_are_traded_and_down_where_they_learn():
    whole = scored(comparison_of(NINE[:3], examples=60, shape=(1, 64)), Task.FIELD, 1.0)
    found = statistics_of(whole)
    frame = _frame(found, Timing.FORWARD, Width.WIDE)
    best, worst = found.operators[0], found.operators[-1]
    assert frame.spot(best)[1] < frame.spot(worst)[1]
    axes = learning_axes(learning_of(whole, [best.operator, worst.operator]), 60)
    assert axes.score.place(0.02) > axes.score.place(0.2)


def test_errors_that_are_all_alike_still_have_a_scale():
    whole = scored(comparison_of(NINE[:1], examples=60, shape=(1, 64)), Task.FIELD, 1.0)
    for score in (0.0, 0.02, 3.0):
        points = [tuple(replace(point, test_score=score) for point in one.curve) for one in whole.trials]
        flat = tuple(replace(one, curve=curve) for one, curve in zip(whole.trials, points, strict=True))
        assert render_report(replace(whole, trials=flat))


def test_the_outline_names_the_score_by_its_metric(tmp_path):
    told = outline(scored(comparison_of(NINE[:2], examples=60, shape=(1, 64)), Task.FIELD), tmp_path)
    assert told["metric"] == "relative_error" and "score" not in told["operators"][0]
    assert list(outline(comparison_of(NINE[:2], examples=60), tmp_path)["operators"][0]) == [
        "operator",
        "by_seed",
        "accuracy",
        "low",
        "high",
        "profile",
    ]
