"""Who else used the machine."""

from math import isnan

import pytest

from circulant.bench import contention
from circulant.bench.contention import Snapshot, cores_of_others, is_contended, snapshot


def test_what_the_machine_did_beyond_ourselves_is_others():
    before, after = Snapshot(10.0, 3.0, 100.0), Snapshot(12.0, 6.0, 104.0)
    assert cores_of_others(before, after) == pytest.approx(0.5)  # 4 s of cores, 3 of them ours, in 2 s


def test_rounding_never_makes_others_negative():
    assert cores_of_others(Snapshot(0.0, 0.0, 0.0), Snapshot(1.0, 2.0, 1.99)) == 0.0


def test_a_system_that_does_not_tell_gives_no_number_and_no_alarm():
    others = cores_of_others(Snapshot(0.0, 0.0, None), Snapshot(1.0, 1.0, None))
    assert isnan(others)
    assert not is_contended(others, 0.0)


def test_busy_others_or_widely_spread_times_are_contention():
    assert is_contended(0.2, 0.0) and is_contended(0.0, 0.3)
    assert not is_contended(0.05, 0.1)


def test_the_first_line_of_the_system_is_read_without_idle_and_waiting(monkeypatch, tmp_path):
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 20 30 99999 500 6 7 8 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n")
    monkeypatch.setattr(contention, "STAT", stat)
    monkeypatch.setattr(contention.os, "sysconf", lambda name: 100)
    assert snapshot().machine == pytest.approx((100 + 20 + 30 + 6 + 7 + 8) / 100)
    monkeypatch.setattr(contention, "STAT", tmp_path / "missing")
    assert snapshot().machine is None
