"""`circulant papers`."""

import json

import pytest
from typer.testing import CliRunner

from circulant.cli.main import app
from circulant.papers import rows

LONG_CONV = "Simple Hardware-Efficient Long Convolutions for Sequence Modeling"


def run(*arguments: str):
    return CliRunner().invoke(app, ["papers", *arguments])


def shown(*arguments: str) -> list[dict]:
    return json.loads(run(*arguments, "--json").stdout)


def test_json_holds_all_319_papers_in_the_order_of_the_table():
    assert [row["title"] for row in shown()] == [row.title for row in rows()]
    assert len(shown()) == 319


def test_a_realised_paper_names_its_components_and_its_tests():
    (row,) = shown(LONG_CONV)
    assert "circulant.nn.LongConv1d" in row["components"]
    assert "tests/operators/sequence/test_long_conv1d.py" in row["tests"]
    assert (row["year"], row["room"]) == (2023, "sequence")


def test_an_open_paper_says_not_yet():
    paper = next(row for row in rows() if not row.components)
    lines = run(paper.title).stdout.splitlines()
    assert any(
        line.startswith(str(paper.year)) and line.endswith(f"{paper.title} -> not yet") for line in lines
    )


def test_done_and_open_papers_share_out_the_whole():
    done, still_open = shown("--done"), shown("--open")
    assert all(row["components"] for row in done)
    assert not any(row["components"] for row in still_open)
    assert len(done) + len(still_open) == 319
    assert done


def test_components_can_be_sought_too():
    assert LONG_CONV in {row["title"] for row in shown("longconv1d")}


def test_the_count_goes_to_the_error_stream_so_that_pipes_get_rows_only():
    result = run("--room", "gates")
    assert len(result.stdout.splitlines()) == len(shown("--room", "gates"))
    assert f"of {len(shown('--room', 'gates'))} have components" in result.stderr


@pytest.mark.parametrize("room", ["gate", "spatail"])
def test_a_misspelt_room_is_wrong_use_and_suggests_the_nearest(room):
    result = run("--room", room)
    assert result.exit_code == 2
    assert "did you mean" in result.stderr
