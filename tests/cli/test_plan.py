"""`circulant plan`."""

import json

import pytest
from typer.testing import CliRunner

import circulant
from circulant.cli import parse
from circulant.cli.main import app
from circulant.core.errors import ArgumentError

SMALL = ("conv2d", "--input", "1x4x16x16", "--weight", "4x1x5x3", "--groups", "4")


@pytest.fixture(autouse=True)
def no_measured_times(monkeypatch, tmp_path):
    monkeypatch.setenv("CIRCULANT_CACHE", str(tmp_path))


def run(*arguments: str):
    return CliRunner().invoke(app, ["plan", *arguments])


def test_it_prints_the_plan_of_the_library():
    expected = circulant.plan(
        "conv2d", input=(1, 4, 16, 16), weight=(4, 1, 5, 3), padding=(2, 1), stride=(2, 1), groups=4
    )
    result = run(*SMALL, "--padding", "2x1", "--stride", "2x1")
    assert (result.exit_code, result.stdout) == (0, f"{expected}\n")


def test_json_says_for_each_candidate_what_it_takes_or_why_it_is_refused():
    found = json.loads(run(*SMALL, "--json").stdout)
    accepted = [candidate for candidate in found["candidates"] if "refused" not in candidate]
    refused = [candidate for candidate in found["candidates"] if "refused" in candidate]
    assert found["chosen"] == f"{accepted[0]['algorithm']} on {accepted[0]['backend']}"
    assert all(candidate["seconds"] > 0 and candidate["flop"] > 0 for candidate in accepted)
    assert all(candidate["refused"] for candidate in refused)
    assert {"direct", "fft"} <= {candidate["algorithm"] for candidate in accepted}


def test_measured_times_are_told_from_predictions():
    def measured(*arguments: str) -> set[bool]:
        found = json.loads(run(*SMALL, *arguments, "--json").stdout)
        return {candidate["is_measured"] for candidate in found["candidates"] if "refused" not in candidate}

    assert measured() == {False}
    assert True in measured("--measure")


def test_a_forced_algorithm_is_the_only_one_not_refused():
    found = json.loads(run(*SMALL, "--algorithm", "fft", "--json").stdout)
    accepted = [candidate for candidate in found["candidates"] if "refused" not in candidate]
    assert {candidate["algorithm"] for candidate in accepted} == {"fft"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("conv1d", "--input", "2x3x40", "--weight", "5x3x7", "--padding", "causal"),
        ("conv3d", "--input", "1x2x6x6x6", "--weight", "2x2x3x3x3", "--dilation", "2"),
        ("conv_transpose2d", "--input", "1x4x8x8", "--weight", "4x2x3x3", "--stride", "2"),
        ("long_conv", "--input", "2x3x100", "--weight", "3x300", "--boundary", "circular"),
        ("conv1d", "--input", "1x1x9", "--weight", "1x1x3", "--dtype", "float64", "--tolerance", "1e-9"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_every_operation_can_be_planned(arguments):
    result = run(*arguments)
    assert result.exit_code == 0, result.stderr
    assert "->" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("conv2", "--input", "1x1x4x4", "--weight", "1x1x3x3"), "conv2d"),
        (("conv2d", "--input", "1,1,4,4", "--weight", "1x1x3x3"), "joined by x, got '1,1,4,4'"),
        (("conv2d", "--input", "1x1x4x4", "--weight", "1x1x9x9"), "fits"),
        (("conv2d", "--input", "1x2x4x4", "--weight", "1x1x3x3"), "C = 2"),
        ((*SMALL, "--dtype", "float31"), "float32"),
        ((*SMALL, "--algorithm", "ftt"), "fft"),
        ((*SMALL, "--backend", "cuda"), "native"),
        ((*SMALL, "--padding", "sames"), "'same'"),
        ((*SMALL, "--tolerance", "nan"), "tolerance"),
        ((*SMALL, "--stride", "0"), "stride"),
        ((*SMALL, "--groups", "3"), "groups"),
    ],
)
def test_wrong_use_is_refused_in_words_that_help(arguments, says):
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("circulant: ")
    assert says in result.stderr


def test_sizes_are_one_number_or_one_for_each_axis():
    assert parse.sizes("15", "--stride") == 15
    assert parse.sizes("15x7", "--stride") == (15, 7)
    assert parse.padding("same") == "same"


@pytest.mark.parametrize("text", ["", "x", "3x", "-3", "3.5", "3 x 4", "三"])
def test_what_is_no_shape_is_refused(text):
    with pytest.raises(ArgumentError, match="joined by x"):
        parse.shape(text, "--input")
