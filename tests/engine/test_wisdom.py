"""Measured times are remembered, change the choice, and survive damage to their file."""

import multiprocessing
from dataclasses import replace

import pytest
import torch

from circulant.engine import wisdom
from circulant.engine.choice import Choice
from circulant.engine.measure import planned
from circulant.engine.planner import forget_plans, plan
from circulant.functional import AlgorithmName
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.trilinear import Slot

PROBLEM = LongConvProblem(torch.float32, Slot.OUTPUT, 1, 2, 64, 64, 0, False)


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv(wisdom.FOLDER_VARIABLE, str(tmp_path))
    _forget()
    yield tmp_path
    _forget()


def _forget():
    wisdom._recalled.cache_clear()
    forget_plans()


def test_nothing_is_recalled_and_no_file_is_made_before_anything_was_measured(cache_folder):
    assert wisdom.recall(PROBLEM, "cpu") == {}
    assert not plan(PROBLEM).candidates[0].is_measured
    assert list(cache_folder.iterdir()) == []


def test_remembered_times_decide_the_plan():
    possible = [str(c.implementation) for c in plan(PROBLEM).candidates if c.is_possible]
    slowest, times = possible[-1], dict.fromkeys(possible, 1.0)
    wisdom.remember(PROBLEM, "cpu", {**times, slowest: 1e-3})
    forget_plans()
    assert str(plan(PROBLEM).chosen) == slowest
    assert "measured" in str(plan(PROBLEM))


def test_times_belong_to_one_problem_and_one_machine():
    wisdom.remember(PROBLEM, "cpu", {"fft on torch": 1.0})
    assert wisdom.recall(replace(PROBLEM, length=65), "cpu") == {}
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        assert wisdom.recall(PROBLEM, "cpu") == {}
    finally:
        torch.set_num_threads(threads)
    assert wisdom.recall(PROBLEM, "cpu") == {"fft on torch": 1.0}


def test_measuring_times_the_candidates_and_remembers_them():
    measured = planned(PROBLEM, Choice(), measure=True)
    assert measured.candidates[0].is_measured
    assert all(seconds > 0 for seconds in wisdom.recall(PROBLEM, "cpu").values())
    assert str(measured.chosen) in wisdom.recall(PROBLEM, "cpu")


def test_measuring_respects_what_the_caller_insists_on():
    planned(PROBLEM, Choice(algorithm=AlgorithmName.DIRECT), measure=True)
    assert set(wisdom.recall(PROBLEM, "cpu")) == {"direct on torch"}


@pytest.mark.parametrize("damage", [b"not a database " * 100, b"SQLite format 3\x00" + b"\xff" * 500])
def test_a_damaged_file_is_laid_aside_with_a_warning_and_begun_anew(cache_folder, damage):
    wisdom.wisdom_path().write_bytes(damage)
    with pytest.warns(UserWarning, match="cannot be read"):
        assert wisdom.recall(PROBLEM, "cpu") == {}
    (aside,) = cache_folder.glob("wisdom.sqlite.damaged-*")
    assert aside.read_bytes() == damage
    wisdom.remember(PROBLEM, "cpu", {"fft on torch": 2.0})
    assert wisdom.recall(PROBLEM, "cpu") == {"fft on torch": 2.0}


def _remember_many(worker):
    for length in range(20):
        wisdom.remember(replace(PROBLEM, length=100 * worker + length + 1), "cpu", {"fft on torch": 1.0})


def test_processes_that_write_at_once_lose_nothing():
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_remember_many, args=(worker,)) for worker in (1, 2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(worker.exitcode == 0 for worker in workers)
    written = [replace(PROBLEM, length=100 * w + n + 1) for w in (1, 2) for n in range(20)]
    assert all(wisdom.recall(problem, "cpu") for problem in written)
