"""`circulant doctor`."""

import json

import pytest
import torch
from typer.testing import CliRunner

from circulant.backends.native import core
from circulant.cli import doctor
from circulant.cli.main import app


def run(*arguments: str):
    return CliRunner().invoke(app, ["doctor", *arguments])


def test_json_tells_of_torch_and_of_the_native_core():
    found = json.loads(run("--json").stdout)
    assert found["torch"] == torch.__version__
    assert found["threads"] == torch.get_num_threads()
    assert found["native"]["available"] == core.is_available()


def test_a_core_that_is_there_is_told_with_its_instruction_set(monkeypatch):
    monkeypatch.setattr(doctor, "why_missing", lambda: "")
    monkeypatch.setattr(doctor, "instruction_set", lambda: core.InstructionSet.AVX2)
    assert "present, instruction set avx2" in run().stdout


def test_a_missing_core_is_told_with_its_reason_and_is_no_failure(monkeypatch):
    monkeypatch.setattr(doctor, "why_missing", lambda: "it was never built")
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    result = run()
    assert result.exit_code == 0
    line = next(line for line in result.stdout.splitlines() if line.startswith("native core"))
    assert "MISSING" in line
    assert "torch backend" in line
    assert "no C++ compiler" in line
    assert "it was never built" in line


def test_a_missing_extra_names_its_package_and_how_to_get_it(monkeypatch):
    needs = ["torch>=2", "no-such-package>=1; extra == 'ray'", 'typer>=0.15; extra == "cli"']
    monkeypatch.setattr(doctor, "requires", lambda name: needs)
    known = {"circulant": "0.1.0", "typer": "0.15"}
    monkeypatch.setattr(doctor, "_version", lambda package: known.get(package, ""))
    lines = run().stdout.splitlines()
    assert next(line for line in lines if line.startswith("extra cli")).endswith("complete")
    ray = next(line for line in lines if line.startswith("extra ray"))
    assert "lacks no-such-package; pip install 'circulant[ray]'" in ray


def test_a_source_tree_that_was_not_installed_says_that_extras_are_not_known(monkeypatch):
    monkeypatch.setattr(doctor, "_version", lambda package: "")
    assert "not installed" in next(line for line in run().stdout.splitlines() if line.startswith("extras"))


@pytest.mark.parametrize(
    ("preload", "name"), [("/usr/lib/libjemalloc.so.2", "jemalloc"), ("", "the system's")]
)
def test_the_allocator_is_read_from_what_is_preloaded(monkeypatch, preload, name):
    monkeypatch.setenv("LD_PRELOAD", preload)
    assert json.loads(run("--json").stdout)["allocator"]["name"] == name


def test_a_tuned_allocator_needs_no_hint(monkeypatch):
    for variable in doctor.MALLOC_VARIABLES:
        monkeypatch.setenv(variable, "1")
    assert json.loads(run("--json").stdout)["allocator"]["hint"] == ""
