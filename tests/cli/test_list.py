"""`circulant list`."""

import inspect
import json

import pytest
from typer.testing import CliRunner

from circulant import nn
from circulant.catalogue import CATALOGUE
from circulant.cli.main import app


def run(*arguments: str):
    return CliRunner().invoke(app, ["list", *arguments])


def listed(*arguments: str) -> list[dict]:
    return json.loads(run(*arguments, "--json").stdout)


def test_json_holds_every_operator_of_the_catalogue_once():
    expected = [operator.__name__ for card in CATALOGUE for operator in card.operators]
    assert [row["name"] for row in listed()] == expected


@pytest.mark.parametrize("card", CATALOGUE, ids=lambda card: card.name)
def test_json_tells_what_the_card_tells(card):
    rows = {row["name"]: row for row in listed(card.name)}
    row = rows[card.name]
    assert row["room"] == card.room
    assert tuple(row["ndims"]) == card.operators[0].ndims
    assert row["papers"] == [paper.title for paper in card.papers]
    assert {law.replace("-", "_").upper() for law in row["laws"]} == {law.name for law in card.laws}


def test_json_parameters_are_those_of_the_constructor():
    row = next(row for row in listed("SqueezeExcitation1d") if row["name"] == "SqueezeExcitation1d")
    names = [parameter["name"] for parameter in row["parameters"]]
    assert names == list(inspect.signature(nn.SqueezeExcitation1d).parameters)
    channels, reduction = row["parameters"][:2]
    assert (channels["default"], channels["annotation"], channels["keyword_only"]) == (None, "int", False)
    assert reduction["default"] == "16"
    assert row["parameters"][-1]["keyword_only"]


def test_filters_by_room_and_law_leave_only_what_obeys_them():
    rows = listed("--room", "sequence", "--law", "causal")
    assert rows
    assert all(row["room"] == "sequence" and "causal" in row["laws"] for row in rows)
    assert len(rows) < len(listed())


def test_several_laws_must_all_hold():
    both = {row["name"] for row in listed("--law", "linear", "--law", "causal")}
    linear = {row["name"] for row in listed("--law", "linear")}
    causal = {row["name"] for row in listed("--law", "causal")}
    assert both == linear & causal


def test_text_is_sought_in_names_and_titles_without_regard_to_case():
    assert "SqueezeExcitation2d" in {row["name"] for row in listed("SQUEEZE-AND")}
    assert "LongConv1d" in {row["name"] for row in listed("longconv")}


def test_the_table_has_one_line_for_each_operator_below_its_header():
    lines = run().stdout.splitlines()
    assert lines[0].split() == ["room", "operator", "axes", "laws"]
    assert len(lines) == 1 + len(listed())


def test_nothing_found_is_said_on_the_error_stream():
    result = run("no such operator")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no operator matches" in result.stderr


@pytest.mark.parametrize(("option", "near"), [("--law", "causal"), ("--room", "sequence")])
def test_a_misspelt_filter_is_wrong_use_and_suggests_the_nearest(option, near):
    result = run(option, near[:-1])
    assert result.exit_code == 2
    assert near in result.stderr
