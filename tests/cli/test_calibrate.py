"""`circulant calibrate`."""

import json

import pytest
from typer.testing import CliRunner

from circulant.cli.main import app
from circulant.engine import wisdom
from circulant.engine.calibration import calibrate
from circulant.engine.calibration.problems import depthwise
from circulant.engine.machine import own_machines_path


@pytest.fixture(autouse=True)
def few_problems(monkeypatch, tmp_path):
    monkeypatch.setenv(wisdom.FOLDER_VARIABLE, str(tmp_path))
    monkeypatch.setattr(calibrate, "PROBLEMS", (depthwise(1, 4, (12, 12), 3),))
    monkeypatch.setattr(calibrate, "drawn_convolutions", lambda: [])


def run(*arguments: str):
    return CliRunner().invoke(app, ["calibrate", *arguments])


def test_it_keeps_a_record_of_this_machine_and_says_what_it_found():
    result = run()
    assert result.exit_code == 0
    assert "GFLOP/s" in result.stdout and str(own_machines_path()) in result.stdout
    assert list(json.loads(own_machines_path().read_text())) == [wisdom.machine_key("cpu")]


def test_json_is_the_record(tmp_path):
    result = run("--out", str(tmp_path / "machines.json"), "--json")
    record = json.loads(result.stdout)
    assert json.loads((tmp_path / "machines.json").read_text()) == {"cpu": record}
    assert record["command"] == "circulant calibrate"
