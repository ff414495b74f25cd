"""Saved models: no pickle, no example inputs, and the same answers in a fresh process."""

import subprocess
import sys
import types
from collections import UserDict
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError, StoreError
from circulant.optimise import Goals, load, optimise
from circulant.optimise.archive import MODEL, NOTE, TABLE, WEIGHTS, pickled

MARK = 1234.5678  # stands in every input and nowhere else


def clock(calls, budget):
    return {"before": [2.0] * 9, "after": [1.0] * 9}


def network():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(),
        nn.Conv2d(4, 4, 31, padding=15, groups=4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5),
    ).eval()  # fmt: skip


def optimised(batch=2):
    x = torch.full((batch, 3, 40, 40), MARK)
    return optimise(network(), x, clock=clock)


def test_a_saved_model_answers_the_same_in_a_fresh_process(tmp_path):
    result = optimised()
    assert {"plan-convolutions", "channels-last"} <= set(result.kept)
    saved = result.save(tmp_path / "faster")
    assert saved.path == tmp_path / "faster" / MODEL
    assert saved.reason == ""
    x = torch.randn(5, 3, 40, 40)  # another batch than the example's
    torch.save(x, tmp_path / "x.pt")
    code = (
        "import torch, circulant.optimise as o; "
        f"x = torch.load({str(tmp_path / 'x.pt')!r}); "
        f"torch.save(o.load({str(tmp_path / 'faster')!r})(x), {str(tmp_path / 'y.pt')!r})"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=200)
    torch.testing.assert_close(torch.load(tmp_path / "y.pt"), result.model(x), rtol=1e-6, atol=1e-6)
    assert (tmp_path / "faster" / TABLE).read_text() == result.table() + "\n"


def test_the_archive_holds_no_inputs_no_pickle_and_no_path_of_a_source_file(tmp_path):
    optimised().save(tmp_path)
    with ZipFile(tmp_path / MODEL) as archive:
        members = {member.filename: archive.read(member) for member in archive.infolist()}
    marks = [torch.tensor(MARK, dtype=dtype).numpy().tobytes() for dtype in (torch.float32, torch.float64)]
    for name, content in members.items():
        assert not any(mark * 4 in content for mark in marks), name
        assert not (name.endswith((".pt", ".pkl")) and content), name
        assert b"cpickle" not in content and not content.startswith(b"\x80\x02"), name
        assert str(Path(__file__).parent).encode() not in content, name
        assert b"site-packages" not in content, name
    assert sum("weight_" in name for name in members) >= 6
    assert pickled(tmp_path / MODEL) == []


def test_an_archive_that_keeps_its_inputs_would_be_noticed(tmp_path):
    """The broken twin: as torch.export.save writes it by itself."""
    x = torch.full((2, 3, 40, 40), MARK)
    torch.export.save(torch.export.export(network(), (x,)), tmp_path / MODEL)
    assert pickled(tmp_path / MODEL)
    with pytest.raises(StoreError, match="pickle"):
        load(tmp_path)


class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        y = self.conv(x)
        return y if y.sum() > 0 else -y


@dataclass
class Found:
    scores: torch.Tensor
    steps: tuple


class Steps(NamedTuple):
    first: torch.Tensor
    none: None


class Finding(nn.Module):
    """Results of classes that an archive cannot name."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x, gain=None):
        y = self.conv(x)
        return UserDict(found=Found(y, Steps(y * 2, None)), all=[y if gain is None else y * gain])


def test_results_of_any_class_are_read_back_as_plain_mappings_and_tuples(tmp_path):
    given = {"x": torch.randn(2, 3, 6, 6), "gain": torch.randn(2, 4, 4, 4)}
    result = optimise(Finding(), given, clock=clock)
    assert result.save(tmp_path).reason == ""
    got, wanted = load(tmp_path)(**given), result.model(**given)
    assert type(got) is dict and type(got["found"]) is dict
    torch.testing.assert_close(got["found"]["scores"], wanted["found"].scores)
    assert got["found"]["steps"][1] is None
    torch.testing.assert_close(got["found"]["steps"][0], wanted["found"].steps.first)
    torch.testing.assert_close(got["all"], wanted["all"])


def test_without_export_and_safetensors_saving_is_refused_with_the_reason(tmp_path, monkeypatch):
    monkeypatch.setattr("circulant.optimise.archive.find_spec", lambda name: None)
    result = optimise(Branching(), torch.randn(1, 3, 6, 6), clock=clock)
    with pytest.raises(StoreError, match="safetensors"):
        result.save(tmp_path)
    assert not (tmp_path / MODEL).exists()


def test_without_export_the_weights_are_saved_with_words_on_how_to_use_them(tmp_path, monkeypatch):
    written = []
    fake = types.ModuleType("safetensors.torch")
    fake.save_model = lambda model, path: written.append(Path(path).write_bytes(b"weights"))
    monkeypatch.setitem(sys.modules, "safetensors", types.ModuleType("safetensors"))
    monkeypatch.setitem(sys.modules, "safetensors.torch", fake)
    monkeypatch.setattr("circulant.optimise.archive.find_spec", lambda name: object())
    saved = optimise(Branching(), torch.randn(1, 3, 6, 6), clock=clock).save(tmp_path)
    assert saved.path == tmp_path / WEIGHTS
    assert saved.reason
    note = (tmp_path / NOTE).read_text()
    assert saved.reason in note
    assert "Conv2d(3, 4" in note
    with pytest.raises(ArgumentError, match="weights alone"):
        load(tmp_path)


def test_a_folder_without_a_model_is_told(tmp_path):
    with pytest.raises(ArgumentError, match="nothing was saved"):
        load(tmp_path)


def test_a_model_that_is_trained_on_is_saved_as_it_computes_in_evaluation(tmp_path):
    x = torch.randn(2, 3, 40, 40)
    result = optimise(network(), x, clock=clock, goals=Goals(is_trained=True))
    result.save(tmp_path)
    torch.testing.assert_close(load(tmp_path)(x), result.model.eval()(x))
