"""Calls from several threads and from forked processes."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import torch

from circulant.backends.native import depthwise_conv, long_conv
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.trilinear import Slot


def test_calls_at_the_same_time_do_not_disturb_each_other():
    long = LongConvProblem(torch.float32, Slot.OUTPUT, 2, 4, 2000, 2000, 0, False)
    image = ConvolutionProblem(
        torch.float32, Slot.OUTPUT, 2, 4, 4, (30, 30), (7, 7), (1, 1), ((3, 3), (3, 3)), (1, 1), 4
    )
    x, kernel = torch.randn(2, 4, 2000), torch.randn(4, 2000)
    picture, weight = torch.randn(2, 4, 30, 30), torch.randn(4, 1, 7, 7)

    def calls():
        return long_conv.output(long, x, kernel), depthwise_conv.output(image, picture, weight)

    expected = calls()
    with ThreadPoolExecutor(2) as pool:
        results = [future.result() for future in [pool.submit(calls) for _ in range(40)]]
    assert all(torch.equal(a, b) for result in results for a, b in zip(result, expected, strict=True))


# A child sends its result as plain bytes: torch's own threads need not survive the fork.
FORK = """
import multiprocessing, torch
from circulant.backends.native import core, long_conv
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.trilinear import Slot

torch.set_num_threads(2)
problem = LongConvProblem(torch.float32, Slot.OUTPUT, 4, 4, 5000, 5000, 0, False)
x, kernel = torch.randn(4, 4, 5000), torch.randn(4, 5000)

def solve():
    return long_conv.output(problem, x, kernel).numpy().tobytes()

def child(connection):
    connection.send_bytes(solve())

before = solve()
context = multiprocessing.get_context("fork")
for _ in range(3):
    here, there = context.Pipe()
    process = context.Process(target=child, args=(there,))
    process.start()
    assert here.poll(30), "the child hangs"
    assert here.recv_bytes() == before
    process.join()
    assert process.exitcode == 0
assert solve() == before
print("same")
"""


def test_a_forked_child_computes_the_same_after_its_parent_used_threads():
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "same", done.stderr
