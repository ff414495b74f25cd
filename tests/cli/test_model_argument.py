"""A model named on the command line: what is found, and what is said where it is not."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from circulant.cli.model_argument import read_model
from circulant.core.errors import ArgumentError, DataError, UnknownNameError
from circulant.optimise.archive import exported_program
from circulant.optimise.example import example_of
from circulant.optimise.pack_weights import pack_weights

NET = """
from dataclasses import dataclass

from torch import nn

import beside

made = nn.Linear(2, 3)
number = 3


@dataclass
class Settings:
    width: int = 4


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, Settings().width)


def built():
    return nn.Sequential(nn.Linear(2, beside.WIDTH))


def with_arguments(width):
    return nn.Linear(2, width)


def nothing():
    return None
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "net_of_test.py").write_text(NET)
    (tmp_path / "beside.py").write_text("WIDTH = 5\n")
    (tmp_path / "broken.py").write_text("def network(:\n")
    (tmp_path / "lacking.py").write_text("import no_such_package_of_anybody\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    sys.modules.pop("beside", None)
    sys.modules.pop("net_of_test", None)


@pytest.mark.parametrize("place", ["net_of_test.py", "./net_of_test.py", "net_of_test"])
def test_a_module_a_class_and_a_function_are_found_in_a_file_and_in_a_module(folder, place):
    assert read_model(f"{place}:made").out_features == 3
    assert read_model(f"{place}:Net").layer.out_features == 4
    assert read_model(f"{place}:built")[0].out_features == 5


def test_a_file_elsewhere_finds_what_lies_beside_it(folder, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert read_model(f"{folder}/net_of_test.py:built")[0].out_features == 5


def test_a_file_does_not_hide_a_package_of_the_same_name(folder):
    (folder / "json.py").write_text("from torch import nn\nnet = nn.Identity()\n")
    assert isinstance(read_model("json.py:net"), nn.Identity)
    import json

    assert json.loads("1") == 1 and sys.modules["json"] is json


def test_a_part_of_an_installed_package_is_found():
    assert isinstance(read_model("torch.nn:Identity"), nn.Identity)


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("net_of_test.py", ArgumentError, "a place and a name joined by a colon"),
        ("net_of_test.py:", ArgumentError, "joined by a colon"),
        (":made", ArgumentError, "joined by a colon"),
        ("net_of_test.py:a b", ArgumentError, "joined by a colon"),
        ("missing.py:net", DataError, "no such file"),
        ("no_such_package_of_anybody:net", ArgumentError, "No module named"),
        ("broken.py:network", DataError, "can be imported, but invalid syntax"),
        ("lacking.py:network", DataError, "No module named 'no_such_package_of_anybody'"),
        ("net_of_test.py:buildt", UnknownNameError, "did you mean built"),
        ("net_of_test.py:number", ArgumentError, "to be a module or a function, got int"),
        ("net_of_test.py:with_arguments", ArgumentError, "missing a required argument: 'width'"),
        ("net_of_test.py:nothing", ArgumentError, "give a torch.nn.Module, got NoneType"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(folder, text, error, words):
    with pytest.raises(error, match=words):
        read_model(text)


def test_an_error_in_the_users_own_function_is_told_by_its_line(folder):
    (folder / "failing.py").write_text("def network():\n    raise ZeroDivisionError('mine')\n")
    with pytest.raises(ArgumentError, match=r"failing\.py, line 2: ZeroDivisionError: mine"):
        read_model("failing.py:network")


def test_a_program_with_operators_of_ours_is_explained_by_a_fresh_process(folder):
    model = pack_weights(nn.Sequential(nn.Linear(3, 2)).eval(), example_of(torch.ones(1, 3))).model
    torch.export.save(exported_program(model, example_of(torch.ones(1, 3))), "packed.pt2")
    command = [sys.executable, "-m", "circulant.cli", "explain", "packed.pt2", "--input", "1x3"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr


def test_a_program_of_torch_export_is_read_and_knows_no_refusals_of_modes(folder):
    program = torch.export.export(nn.Sequential(nn.Linear(3, 2), nn.ReLU()), (torch.ones(1, 3),))
    torch.export.save(program, "program.pt2")
    module = read_model("program.pt2").eval()
    assert module(torch.ones(1, 3)).shape == (1, 2)
    with pytest.raises(DataError, match="no such file"):
        read_model("nothing.pt2")
