"""The command, from the text that a person types to the page, words and exit codes."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from html import unescape

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from circulant.cli import explain as explain_command
from circulant.cli.main import app

NET = """
import torch
from torch import nn


def network(channels=1, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(channels, 4, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(4, 6, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 10),
    )


def other():
    return network(seed=1)


def colour():
    return network(3).double()


def slow():
    import time

    class Slow(nn.Module):
        def forward(self, x):
            time.sleep(0.4)
            return x

    return nn.Sequential(Slow(), network())
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "net.py").write_text(NET)
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "cat.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    sys.modules.pop("net", None)


def run(*arguments):
    return CliRunner().invoke(app, ["explain", *map(str, arguments)])


def test_a_set_is_explained_on_a_page_with_the_summary_on_the_terminal(folder):
    result = run("net.py:network", "--data", "mnist5k", "--input", "12x1x28x28", "--out", "there")
    assert result.exit_code == 0, result.output
    page = unescape((folder / "there" / "index.html").read_text())
    assert f"Page: {folder / 'there' / 'index.html'}" in result.stdout
    assert "Of the first 3 pictures" in result.stdout or "All of the first 3" in result.stdout
    for sentence in result.stdout.splitlines()[:-1]:
        assert sentence in page
    assert "the first 12 test examples of MNIST-5k" in page


def test_json_is_all_that_stdout_holds(folder):
    result = run("net.py:network", "--data", "mnist5k", "--against", "net.py:other", "--json")
    found = json.loads(result.stdout)
    assert found["model"]["name"] == "net.py:network"
    assert found["page"] == str(folder / "explanation" / "index.html")
    assert found["input"]["shape"] == [32, 1, 28, 28]
    assert not [key for key, part in found["parts"].items() if "left_out" in part]


def test_a_picture_is_given_in_the_dtype_of_the_model(folder):
    result = run("net.py:colour", "--image", "cat.png", "--input", "1x3x32x32", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["input"]["source"] == "cat.png, scaled and cut to 32 × 32, from 0 to 1"
    assert found["parts"]["maps"]["layer"] == "3"


def test_noise_stands_in_where_only_sizes_are_given(folder):
    found = json.loads(run("net.py:network", "--input", "1x1x16x16", "--json").stdout)
    assert "noise" in found["parts"]["maps"]["left_out"]
    assert found["parts"]["receptive_fields"]["layers"]


WRONG = {
    "no input": (["net.py:network"], "expected --image, --audio"),
    "two inputs": (["net.py:network", "--data", "mnist5k", "--image", "cat.png"], "got --image and --data"),
    "no such file": (["net2.py:network", "--input", "1x1x8x8"], "no such file"),
    "no such name": (["net.py:netwrk", "--input", "1x1x8x8"], "did you mean network"),
    "no such second model": (
        ["net.py:network", "--input", "1x1x8x8", "--against", "net.py:x"],
        "no model in net.py",
    ),
    "sizes that are none": (["net.py:network", "--input", "1,3"], "sizes joined by x"),
    "sizes that the model does not take": (["net.py:network", "--input", "1x2x8x8"], "RuntimeError"),
    "unknown option": (["net.py:network", "--picture", "cat.png"], "No such option"),
}


@pytest.mark.parametrize(("arguments", "words"), WRONG.values(), ids=WRONG)
def test_wrong_use_says_what_to_do_and_writes_nothing(folder, arguments, words):
    result = run(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stdout == ""
    assert not (folder / "explanation").exists()


def test_what_takes_long_is_named_as_it_begins(folder, monkeypatch):
    monkeypatch.setattr(explain_command, "PATIENCE_SECONDS", 0.0)
    result = run("net.py:network", "--input", "1x1x16x16", "--json")
    assert "1 of 12  filters\n" in result.stderr
    assert "11 of 12  alignment of layers\n" in result.stderr
    json.loads(result.stdout)


def test_what_is_done_soon_says_nothing_of_its_progress(folder, monkeypatch):
    monkeypatch.setattr(explain_command, "PATIENCE_SECONDS", 1e9)
    assert run("net.py:network", "--input", "1x1x16x16").stderr == ""


@pytest.mark.slow
def test_an_interrupted_command_exits_with_130_and_leaves_no_half_page(folder):
    command = [sys.executable, "-m", "circulant.cli", "explain", "net.py:slow", "--input", "8x1x28x28"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ})
    for line in process.stderr:
        if re.match(r"\d+ of \d+ ", line):
            break
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    assert not (folder / "explanation").exists()
