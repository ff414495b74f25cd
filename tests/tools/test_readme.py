"""The examples of README and docs run as they stand, and their links lead somewhere."""

import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from scipy.io import wavfile
from typer.testing import CliRunner

from circulant.catalogue import operator_names
from circulant.cli.main import app
from circulant.compare.rooms import rooms
from circulant.models.baselines import BASELINES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
NET = """
from torch import nn


def network():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10)
    )


def digits():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10)
    )


def words():
    return nn.Sequential(nn.Conv1d(1, 4, 9, stride=4), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten())
"""
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PYTHON = [
    pytest.param(code, id=f"{page.name}-{number}")
    for page in PAGES
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL))
]
SHELL = [
    line.split("#")[0].strip()
    for page in PAGES
    for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)
    for line in block.splitlines()
    if line.startswith("circulant ")
]
LONG = {"compare", "bench", "optimise"}  # run for minutes or hours, or on a file of the user
COMMANDS = sorted(line for line in SHELL if line.split()[1] not in LONG or "--list" in line)
MEASUREMENTS = sorted({*SHELL} - {*COMMANDS})
COMPARISONS = [line for line in MEASUREMENTS if line.split()[1] == "compare"]
LINKED = sorted(
    {
        (page.relative_to(ROOT), target)
        for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
        for target in re.findall(r"\]\(([^)#:\s]+)\)", page.read_text())
    }
)


def test_there_are_examples_to_run():
    assert len(PYTHON) >= 4
    assert len(COMMANDS) >= 4
    assert len(COMPARISONS) >= 3


@pytest.mark.parametrize("code", PYTHON)
def test_a_python_example_runs(code, monkeypatch, tmp_path):
    monkeypatch.setenv("CIRCULANT_CACHE", str(tmp_path))
    exec(compile(code, "example", "exec"), {})


@pytest.fixture
def at_the_users(tmp_path, monkeypatch):
    """A folder with the files that the examples name."""
    (tmp_path / "net.py").write_text(NET)
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "cat.png")
    wavfile.write(tmp_path / "yes.wav", 8000, random.integers(-999, 999, 4000).astype(np.int16))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    sys.modules.pop("net", None)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_readme_runs(command, at_the_users):
    result = CliRunner().invoke(app, shlex.split(command)[1:])
    assert result.exit_code == 0, result.stderr
    assert result.stdout


def parsed(command):
    """The context of the command; nothing runs."""
    _, name, *words = shlex.split(command)
    return typer.main.get_command(app).commands[name].make_context(name, words)


@pytest.mark.parametrize("command", MEASUREMENTS)
def test_a_long_command_that_the_docs_show_has_known_options(command):
    assert parsed(command).params


@pytest.mark.parametrize("command", COMPARISONS)
def test_a_comparison_that_the_docs_show_has_known_operators(command):
    context = parsed(command)
    known = {*operator_names(), *(baseline.name for baseline in BASELINES), *rooms()}
    assert set((context.params["operators"] or "Conv").split(",")) <= known


@pytest.mark.parametrize(("page", "target"), LINKED, ids=str)
def test_a_link_inside_the_repository_leads_to_a_file(page, target):
    assert (ROOT / page.parent / target).exists()


def test_the_report_picture_is_the_only_image():
    assert re.findall(r"!\[[^\]]*\]\(([^)]*)\)", README) == ["docs/images/report.png"]
