"""A record made here is kept, and plans follow it."""

import json
from pathlib import Path

import pytest

from circulant.engine import machine, wisdom
from circulant.engine.calibration import calibrate
from circulant.engine.calibration.problems import PROBLEMS, TINY, depthwise
from circulant.engine.machine import ANY, add_record, default_machine, own_machines_path
from circulant.engine.planner import forget_plans, plan

SMALL = depthwise(1, 4, (12, 12), 3)


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv(wisdom.FOLDER_VARIABLE, str(tmp_path))
    forget_plans()
    yield tmp_path
    forget_plans()


@pytest.fixture
def record(monkeypatch):
    monkeypatch.setattr(calibrate, "PROBLEMS", (SMALL, depthwise(1, 4, (40, 40), 5)))
    monkeypatch.setattr(calibrate, "drawn_convolutions", lambda: [depthwise(1, 2, (9, 9), 3)])
    return calibrate.record_of([times for _, times in calibrate.measurements()])


def test_every_problem_is_measured_under_its_name(monkeypatch):
    monkeypatch.setattr(calibrate, "TINY", TINY[:2])
    monkeypatch.setattr(calibrate, "PROBLEMS", (SMALL,))
    monkeypatch.setattr(calibrate, "drawn_convolutions", lambda: [])
    names = [name for name, _ in calibrate.measurements()]
    assert names == [str(problem) for problem in (*TINY[:2], SMALL)]
    assert len(names) == len(calibrate.problems())


def test_a_record_has_what_a_machine_needs_and_plans_follow_it(record):
    packaged = {str(c.implementation): c.seconds for c in plan(SMALL).candidates}
    record["costs"] = {ANY: [1.0, 0.0], "direct on torch": [1e-15, 0.0]}
    record["launch_seconds"] = {ANY: 1e-6}
    add_record(own_machines_path(), wisdom.machine_key("cpu"), record)
    forget_plans()
    found = plan(SMALL)
    assert str(found.chosen) == "direct on torch"
    assert {str(c.implementation): c.seconds for c in found.candidates} != packaged


def test_costs_and_doubts_are_of_what_was_timed(record):
    assert all(cost.seconds_per_flop > 0 and cost.passes >= 0 for cost in record["costs"].values())
    assert "direct on torch, smallest depthwise 2-D" in record["costs"]
    assert record["doubts"][ANY] > 1
    assert min(rate for _, rate in record["byte_per_s"]) > 0 and record["flop_per_s"] > 0


def test_records_of_other_machines_stay(record, cache_folder):
    add_record(own_machines_path(), "another", record)
    own = wisdom.machine_key("cpu")
    add_record(own_machines_path(), own, record)
    assert set(json.loads((cache_folder / "machines.json").read_text())) == {"another", own}


def test_a_damaged_file_is_passed_over_and_said_so():
    packaged = default_machine()
    own_machines_path().write_text('{"cpu": {"costs": 3}}')
    machine._machine.cache_clear()
    with pytest.warns(UserWarning, match="expected what circulant calibrate wrote"):
        assert default_machine() == packaged


def test_the_problems_are_many_kinds_and_not_those_that_plans_are_judged_on():
    assert {type(problem) for problem in TINY} == {type(problem) for problem in PROBLEMS}
    root = Path(__file__).parents[3]
    drawn = {(p.batch, p.in_channels, p.spatial, p.kernel) for p in calibrate.drawn_convolutions()}
    judged = (root / "src/circulant/bench/sampled_problems.csv").read_text().splitlines()[1:]
    fields = [line.split(",") for line in judged]
    same = sum(
        (int(f[2]), int(f[3]), (int(f[6]),) * int(f[0]), (int(f[7]),) * int(f[0])) in drawn for f in fields
    )
    assert same < len(fields) / 20
