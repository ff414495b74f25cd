"""The sampled run: what is measured, and what counts as slower."""

from dataclasses import replace
from math import isnan

import pytest
import torch.nn.functional as F

from circulant.bench import never_slower
from circulant.bench.contestant import Layout
from circulant.bench.never_slower import measure_sampled
from circulant.bench.run import sampled_file, unsampled
from circulant.bench.sampled import SampledProblem, SampledRow
from circulant.bench.sampled_summary import summarise_sampled
from circulant.bench.settings import Malloc, Settings

SETTINGS = Settings(Malloc.DEFAULT, 1, 0.0)
ROW = SampledRow(
    0, "a problem", Malloc.DEFAULT, 1, "avx512", Layout.CONTIGUOUS, "direct on torch", 1e-3, 1e-3, 50, 1.0,
    0.99, 0.0, 1.0, 0.99, 0.0, 1e-7, "", 0.0, False, "0.1.0", "2.13.0", "A processor", "2026-11-21",
)  # fmt: skip
DEPTHWISE = SampledProblem(2, "depthwise", 2, 4, 4, 4, 9, 3, 2, 1, 1)


GROUPED = SampledProblem(1, "grouped", 1, 4, 6, 2, 12, 3, 1, 2, 2)
DENSE = SampledProblem(3, "dense", 1, 2, 3, 1, 5, 2, 1, 1, 1)


@pytest.mark.parametrize("problem", [DEPTHWISE, GROUPED, DENSE], ids=lambda problem: problem.kind)
def test_a_problem_is_measured_in_fifty_pairs(problem):
    row = measure_sampled(7, problem, SETTINGS)
    assert row.number == 7 and row.pairs >= 50 and row.fault == ""
    assert row.error < 1e-6 and row.torch_seconds > 0 and row.seconds > 0
    assert row.ratio_low <= row.ratio
    assert problem.ndim > 1 or row.layout is Layout.CONTIGUOUS
    assert " on " in row.way


def test_a_slower_twin_is_caught_by_ratio_and_overhead(monkeypatch):
    def slow(x, weight, bias, *settings):
        for _ in range(10):
            y = F.conv2d(x, weight, bias, *settings)
        return y

    monkeypatch.setattr(never_slower, "OURS", {2: slow})
    row = measure_sampled(0, DEPTHWISE, SETTINGS)
    assert row.fault == "" and row.overhead > 15e-6 and row.ratio_low > 1.03 and row.is_violation


def test_a_wrong_twin_is_never_timed_and_counts_as_a_violation(monkeypatch):
    monkeypatch.setattr(never_slower, "OURS", {2: lambda *operands: F.conv2d(*operands) + 0.1})
    row = measure_sampled(0, DEPTHWISE, SETTINGS)
    assert "the result is wrong by" in row.fault and row.pairs == 0 and isnan(row.seconds)
    assert row.is_violation and row.is_contiguous_violation


def test_a_call_that_fails_is_a_fault_and_the_run_goes_on(monkeypatch):
    def refusing(*_):
        raise RuntimeError("no plan")

    monkeypatch.setattr(never_slower, "OURS", {2: refusing})
    assert measure_sampled(0, DEPTHWISE, SETTINGS).fault == "RuntimeError: no plan"


@pytest.mark.parametrize(
    ("changes", "slower"),
    [
        ({"ratio_low": 1.03}, False),
        ({"ratio_low": 1.031}, True),
        ({"ratio": 1.5, "ratio_low": 1.02, "overhead": 1.0}, False),  # long calls: only the bound counts
        ({"torch_seconds": 1e-4, "ratio_low": 2.0, "overhead": 15e-6}, False),
        ({"torch_seconds": 1e-4, "ratio_low": 0.9, "overhead": 16e-6}, True),
        ({"fault": "wrong"}, True),
    ],
)
def test_long_calls_are_judged_by_the_bound_and_short_ones_by_the_difference(changes, slower):
    assert replace(ROW, **changes).is_violation is slower


def test_the_stricter_count_looks_at_contiguous_tensors():
    row = replace(ROW, contiguous_low=1.2)
    assert row.is_contiguous_violation and not row.is_violation


def test_the_summary_counts_violations_and_names_the_worst():
    rows = [
        ROW,
        replace(ROW, number=1, problem="slow", ratio=1.3, ratio_low=1.2),
        replace(ROW, number=2, problem="slower", ratio=1.6, ratio_low=1.5, contended=True),
        replace(ROW, number=3, problem="wrong", fault="wrong", ratio_low=float("nan")),
        replace(ROW, number=4, problem="short", torch_seconds=1e-5, overhead=20e-6),
        replace(ROW, number=5, problem="other setting", threads=2, ratio_low=9.0),
    ]
    found = summarise_sampled(rows, Malloc.DEFAULT, 1, "avx512", 300)
    assert [row.problem for row in found.violations] == ["slow", "slower", "wrong", "short"]
    assert found.worst.problem == "slower" and found.worst_overhead.problem == "short"
    lines = "\n".join(found.lines())
    assert "4 of 5 samples are slower than torch" in lines
    assert "295 of 300 are not measured yet" in lines
    assert "largest ratio 1.60 (at least 1.50): slower; direct on torch" in lines
    assert "largest overhead 20.0 µs: short; direct on torch" in lines


def test_a_run_goes_on_with_what_its_file_does_not_hold(tmp_path):
    file = sampled_file(tmp_path / "sampled.csv")
    file.replace([ROW, replace(ROW, number=2), replace(ROW, number=1, threads=2)])
    assert unsampled(range(4), SETTINGS, "avx512", file) == [1, 3]
    assert unsampled(range(4), SETTINGS, "avx2", file) == [0, 1, 2, 3]
    assert file.read()[0] == ROW
