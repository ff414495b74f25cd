"""Threads, forks and interruptions: no crash, no wrong number."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
import torch
from tests.backends.native.fuzz.conditions import threads_of
from tests.backends.native.fuzz.heap_program import digest_of_all
from tests.backends.native.fuzz.oracle import expected
from tests.backends.native.fuzz.targets import NATIVE
from tests.backends.native.fuzz.threaded_problems import answer, answers, operands_for_all, problem_for

from circulant.core.tolerances import RELATIVE, assert_close

ROOT = Path(__file__).parents[4]
EACH_ROW = pytest.mark.parametrize("row", NATIVE, ids=lambda row: f"{row.problem.__name__}, {row}")
CALLERS = 8


def printed_by(program, **environment):
    """What a program of this folder prints, in a process of its own."""
    command = [sys.executable, "-m", f"tests.backends.native.fuzz.{program}"]
    settings = {**os.environ, **environment}
    done = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@EACH_ROW
def test_results_stay_right_while_the_number_of_threads_changes(row):
    problem = problem_for(row)
    operands = operands_for_all()[NATIVE.index(row)]
    exact, seen = expected(problem, operands), {}
    for count in (1, 4, 2, 3, 4, 1, 3, 2):
        with threads_of(count):
            got = row.run(problem, *operands)
        assert_close(got, exact, RELATIVE[problem.dtype], what=f"{problem} in {count} threads")
        assert torch.equal(seen.setdefault(count, got), got), f"not the same bits again in {count} threads"


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_callers_at_the_same_time_each_get_their_own_result(threads):
    operands, start = operands_for_all(), Barrier(CALLERS)

    def call(caller):
        """Every row, each caller from another one on."""
        start.wait()
        order = [(caller + step) % len(NATIVE) for step in range(2 * len(NATIVE))]
        return [(place, answer(NATIVE[place], operands[place])) for place in order]

    with threads_of(threads):
        alone = answers(operands)
        with ThreadPoolExecutor(CALLERS) as pool:
            results = list(pool.map(call, range(CALLERS)))
    assert all(got == alone[place] for result in results for place, got in result)


def test_forked_children_compute_the_same_with_threads_of_their_own():
    assert printed_by("fork_program") == "same"


def test_an_interrupted_call_ends_and_the_next_one_is_right():
    assert printed_by("interrupt_program") == "right"


def test_no_result_depends_on_what_fresh_memory_holds():
    """glibc fills what it hands out: here with bytes 0xFE, numbers near the largest."""
    assert printed_by("heap_program", MALLOC_PERTURB_="1") == digest_of_all()
