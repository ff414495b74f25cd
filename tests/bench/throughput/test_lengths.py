"""Sequence operators at a million samples, and the slopes that the page tells."""

import pytest
import torch
from tests.bench.specimens import row
from tests.bench.test_page import METHOD, rows

from circulant.bench.contestant import Role
from circulant.bench.page.write import write_page
from circulant.bench.row import Status
from circulant.bench.run import row_file
from circulant.bench.throughput.contest import built
from circulant.bench.throughput.lengths import LENGTHS, SHAPES, length_entries, length_groups

NAME = "LongConv1d by length"


@pytest.mark.slow
@pytest.mark.parametrize("name", length_entries())
def test_a_million_samples_run(name):
    entry = length_entries()[name]
    assert LENGTHS[-1] >= 1_000_000
    with torch.no_grad():
        y = built(entry, SHAPES[-1])(torch.randn(SHAPES[-1]))
    assert y.shape == SHAPES[-1] and y.isfinite().all()


def test_every_group_runs_over_all_lengths():
    for group in length_groups():
        assert group.shapes == SHAPES


def length_rows(power, without=()):
    for length in LENGTHS:
        status = Status.FAILED if length in without else Status.MEASURED
        note = "no memory" if length in without else "fft on native"
        yield row("circulant", Role.OURS, 1e-9 * length**power, group=NAME, operation=NAME,
                  shape=f"1x4x{length}", status=status, note=note)  # fmt: skip


@pytest.fixture
def page(tmp_path):
    def write(lengths):
        row_file(tmp_path / "results/a-cpu.csv").replace(rows())
        row_file(tmp_path / "results/a-cpu-lengths.csv").replace(list(lengths))
        write_page(tmp_path / "results", METHOD, tmp_path / "docs/benchmarks.md")
        return (tmp_path / "docs/operator-benchmarks.md").read_text()

    return write


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_the_slope_is_the_power_of_the_length(page, tmp_path, power):
    text = page(length_rows(power))
    assert f" | {power:.2f} |" in text
    assert f"LongConv1d: slope {power:.2f}" in (tmp_path / "docs/images/lengths-a-cpu.svg").read_text()


def test_a_length_that_failed_is_told_with_its_reason(page):
    text = page(length_rows(1.0, without=LENGTHS[-1:]))
    assert "- LongConv1d, 1x4x1048576: failed, no memory" in text
    assert " | – | 1.00 |" in text
