"""A program: every kernel with threads of its own in the parent, in a forked child, and in a pool of them."""

import multiprocessing
import os

import psutil
import torch
from tests.backends.native.fuzz.targets import NATIVE
from tests.backends.native.fuzz.threaded_problems import answer, answers, operands_for_all

THREADS = 4
OPERANDS = operands_for_all()
EXPECTED: list[bytes] = []


def is_same(place: int) -> bool:
    return answer(NATIVE[place], OPERANDS[place]) == EXPECTED[place]


def child() -> int:
    """0 where every result is that of the parent and threads were started to find them."""
    same = answers(OPERANDS) == EXPECTED
    started = torch.get_num_threads() == THREADS and psutil.Process().num_threads() >= THREADS
    return 0 if same and started else 1


def main() -> None:
    torch.set_num_threads(THREADS)
    EXPECTED.extend(answers(OPERANDS))
    pid = os.fork()
    if pid == 0:
        os._exit(child())
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, "a forked child computes something else"
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert all(pool.map(is_same, 2 * list(range(len(NATIVE))))), "a pool computes something else"
    assert answers(OPERANDS) == EXPECTED, "the parent computes something else afterwards"
    print("same")


if __name__ == "__main__":
    main()
