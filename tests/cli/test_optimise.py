"""`circulant optimise`, as a user would call it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from circulant.cli.main import app
from circulant.cli.optimise import example_input
from circulant.optimise import load
from circulant.optimise.passes import PASSES

NET = """
import torch
from torch import nn
from layers import body

torch.manual_seed(0)
model = nn.Sequential(body(), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))

def make():
    return model

class Pair(nn.Module):
    def forward(self, tokens, x):
        return x * tokens

size = 3

def fails():
    raise KeyError("no weights")
"""
QUICK = ("--budget", "0.01")


@pytest.fixture
def net(tmp_path, monkeypatch):
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "layers.py").write_text(
        "from torch import nn\ndef body(): return nn.Conv2d(3, 4, 3, padding=1)\n"
    )
    (tmp_path / "broken.py").write_text("import torch\n\nmodel = torch.nn.Conv2d(3)\n")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("layers", None)
    sys.modules.pop("net", None)
    sys.path[:] = [each for each in sys.path if each != str(tmp_path)]


def run(*arguments):
    return CliRunner().invoke(app, ["optimise", *arguments, *QUICK])


@pytest.mark.parametrize("model", ["net.py:model", "net.py:make", "net:make"])
def test_a_model_of_a_file_or_a_package_is_optimised_and_the_table_shown(net, model):
    result = run(model, "--input", "2x3x6x6")
    assert result.exit_code == 0, result.stderr
    assert "folded 1 batch norms" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("all kept")


def test_json_holds_every_pass_and_the_model_is_saved(net):
    result = run(
        "net.py:model",
        "--input",
        "1x3x6x6",
        "--goal",
        "size",
        "--allow",
        "low-rank",
        "--out",
        "small",
        "--json",
    )
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    tried = [each.name for each in PASSES if each.is_exact or each.name == "low-rank"]
    assert [each["name"] for each in found["passes"]] == tried
    assert "fold-batch-norms" in found["kept"]
    assert found["overall"]["parameter_byte"][1] < found["overall"]["parameter_byte"][0]
    assert load("small")(torch.randn(4, 3, 6, 6)).shape == (4, 3)


def test_a_saved_model_is_taken_as_an_exported_program(net):
    assert run("net.py:model", "--input", "2x3x6x6", "--out", "first").exit_code == 0
    again = run("first/model.pt2", "--input", "2x3x6x6")
    assert again.exit_code == 0, again.stderr
    assert "no convolution layer" in again.stdout


def test_several_inputs_with_dtypes(net):
    result = run("net.py:Pair", "--input", "2x5:int64", "--input", "2x5")
    assert result.exit_code == 0, result.stderr
    assert "nothing: the model is as it was" in result.stdout


def test_inputs_may_be_named(net):
    result = run("net.py:Pair", "--input", "x=2x5", "--input", "tokens=2x5:int64")
    assert result.exit_code == 0, result.stderr
    wrong = run("net.py:Pair", "--input", "x=2x5", "--input", "2x5:int64")
    assert wrong.exit_code != 0
    assert "a name for each input or for none" in " ".join(wrong.stderr.split())


def test_an_input_is_made_as_its_text_says():
    assert example_input("2x3").dtype is torch.float32
    assert example_input("2x3:float64").dtype is torch.float64
    tokens = example_input("4x50:int64")
    assert (tokens.dtype, tokens.shape) == (torch.int64, (4, 50))
    assert set(tokens.unique().tolist()) == {0, 1}


def test_accuracy_on_labelled_data_is_shown_and_its_first_example_can_be_the_input(net):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(60, 3, 6, 6)).astype(np.float32)
    np.savez("data.npz", x=x, y=np.arange(60) % 3)
    result = run("net.py:model", "--data", "data.npz", "--goal", "size", "--json")
    assert result.exit_code == 0, result.stderr
    shares = json.loads(result.stdout)["overall"]["accuracy"]
    assert shares[0] == shares[1]
    assert 0 <= shares[0] <= 1


def test_for_training_no_parameter_is_lost(net):
    result = run("net.py:model", "--input", "2x3x6x6", "--train", "--json")
    assert result.exit_code == 0, result.stderr
    by_name = {each["name"]: each for each in json.loads(result.stdout)["passes"]}
    assert by_name["fold-batch-norms"]["outcome"] == "wrong"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("net.py:model",), "--input"),
        (("net.py", "--input", "1x3"), "path/to/net.py:name"),
        (("none.py:model", "--input", "1x3"), "none.py"),
        (("none.pt2", "--input", "1x3"), "none.pt2"),
        (("nowhere.at.all:model", "--input", "1x3"), "nowhere"),
        (("net.py:modl", "--input", "1x3"), "did you mean model"),
        (("net.py:size", "--input", "1x3"), "got int"),
        (("net.py:fails", "--input", "1x3"), "net.py, line 19: KeyError: 'no weights'"),
        (("broken.py:model", "--input", "1x3"), "broken.py, line 3: TypeError"),
        (("net.py:model", "--input", "1x4x6x6"), "takes the example"),
        (("net.py:model", "--input", "1,3"), "joined by x"),
        (("net.py:model", "--input", "1x3:int65"), "int64"),
        (("net.py:model", "--input", "1x3x6x6", "--allow", "low-rnk"), "low-rank"),
        (("net.py:model", "--input", "1x3x6x6", "--goal", "speed"), "time"),
        (("net.py:model", "--input", "1x3x6x6", "--out", "net.py"), "folder"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value)[:40],
)
def test_wrong_use_is_told_in_a_line(net, arguments, words):
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_a_model_that_cannot_be_saved_still_has_its_table(net, monkeypatch):
    (net / "odd.py").write_text(
        "from torch import nn\nclass Odd(nn.Module):\n    def forward(self, x):\n"
        "        return x if x.sum() > 0 else -x\n"
    )
    monkeypatch.setattr("circulant.optimise.archive.find_spec", lambda name: None)
    result = run("odd.py:Odd", "--input", "2x3", "--out", "odd")
    assert result.exit_code == 1
    assert "all kept" in result.stdout
    assert "safetensors" in result.stderr


def test_what_was_kept_before_an_interruption_is_shown_and_saved(net, monkeypatch):
    def interrupted(steps, total):
        yield next(steps)
        raise KeyboardInterrupt

    monkeypatch.setattr("circulant.cli.optimise.shown", interrupted)
    result = run("net.py:model", "--input", "2x3x6x6", "--out", "part")
    assert result.exit_code == 130
    assert result.stdout.splitlines()[-2].startswith("all kept")
    assert Path("part/model.pt2").is_file()


def test_the_help_has_an_example_and_the_names_of_approximate_passes():
    text = re.sub(r"\s+", " ", CliRunner().invoke(app, ["optimise", "--help"]).stdout)
    assert "Example: circulant optimise net.py:model" in text
    assert "prune-channels-lasso" in text


def test_the_command_runs_as_a_process(net):
    command = [
        sys.executable,
        "-m",
        "circulant.cli",
        "optimise",
        "net.py:model",
        "--input",
        "1x3x6x6",
        *QUICK,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert "all kept" in done.stdout
