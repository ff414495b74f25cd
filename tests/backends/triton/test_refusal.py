"""When the planner refuses Triton, in which words, and what runs where it is asked for by name."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from circulant.algorithms.algorithm import AlgorithmName, Rejected
from circulant.algorithms.tiled_monarch import LARGEST, MOST_TILES
from circulant.backends.table import IMPLEMENTATIONS, Backend
from circulant.backends.triton import runtime
from circulant.core.errors import NoPlanError
from circulant.core.tolerances import assert_close
from circulant.engine.choice import FREE, Choice
from circulant.engine.planner import forget_plans, plan
from circulant.functional import conv1d, conv2d, long_conv
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.trilinear import Slot

FORCED = Choice(backend=Backend.TRITON)


@pytest.fixture(autouse=True)
def _plans_of_this_test_alone(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU that is only planned for")
    forget_plans()
    yield
    forget_plans()


def problem(length=300, dtype=torch.float32):
    return LongConvProblem(dtype, Slot.OUTPUT, 2, 4, length, length, 0, False)


def reason(problem, device, choice=FREE):
    (candidate,) = [
        c for c in plan(problem, choice, device).candidates if c.implementation.backend is Backend.TRITON
    ]
    return candidate.verdict.reason if isinstance(candidate.verdict, Rejected) else ""


def test_on_a_cpu_triton_is_never_chosen_on_its_own():
    assert runtime.why_not_interpreted() == ""
    assert reason(problem(), "cpu") == "runs on a GPU, the tensors are on cpu"
    assert plan(problem(), FREE, "cpu").chosen.backend is not Backend.TRITON


def test_on_a_cpu_with_the_interpreter_triton_runs_for_whoever_insists():
    assert str(plan(problem(), FORCED, "cpu").chosen) == "monarch on triton"


def test_without_the_interpreter_insisting_is_an_error_that_says_how_to_get_it(monkeypatch):
    monkeypatch.delenv(runtime.INTERPRET_VARIABLE)
    x, weight = torch.randn(1, 2, 6, 6), torch.randn(2, 1, 3, 3)
    with pytest.raises(NoPlanError, match="set TRITON_INTERPRET=1 before Python starts"):
        conv2d(x, weight, groups=2, backend="triton")


def test_an_interpreter_asked_for_too_late_is_refused_and_nothing_is_run():
    code = (
        "import os, triton, torch; os.environ['TRITON_INTERPRET'] = '1'\n"
        "from circulant.functional import long_conv\n"
        "long_conv(torch.ones(1, 1, 4), torch.ones(1, 4), backend='triton')\n"
    )
    clean = {"PYTHONPATH": ":".join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"}
    ended = subprocess.run([sys.executable, "-c", code], env=clean, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "NoPlanError" in ended.stderr
    assert "triton was imported before TRITON_INTERPRET was set" in ended.stderr


def test_without_the_package_the_reason_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, runtime.MODULE, None)
    assert not runtime.is_available()
    assert "install circulant[triton]" in reason(problem(), "cuda")
    assert plan(problem(), FREE, "cuda").chosen.backend is Backend.TORCH
    with pytest.raises(NoPlanError, match=r"install circulant\[triton\]"):
        plan(problem(), FORCED, "cuda")


def test_on_a_gpu_triton_competes_with_torch_by_predicted_time():
    long = replace(problem(4096), batch=16, channels=768)
    assert str(plan(long, FREE, "cuda").chosen) == "monarch on triton"
    rows = [row for row in IMPLEMENTATIONS if row.problem is LongConvProblem]
    candidates = {str(c.implementation): c for c in plan(long, FREE, "cuda").candidates}
    assert set(candidates) == {str(row) for row in rows}
    assert "runs on a CPU" in candidates["fft on native"].verdict.reason


def test_devices_without_triton_are_refused_even_if_insisted_on():
    with pytest.raises(NoPlanError, match="runs on a GPU, the tensors are on mps"):
        plan(problem(), FORCED, "mps")


def test_transforms_of_too_many_tiles_are_left_to_torch_and_in_the_end_refused():
    most = MOST_TILES * LARGEST[torch.float32]
    assert plan(problem(most), FREE, "cuda").chosen.backend is Backend.TORCH
    assert reason(problem(most), "cuda") == ""
    with pytest.raises(NoPlanError, match=f"transforms up to {2 * most} samples"):
        plan(problem(most + 1), FORCED, "cuda")


def test_gradients_come_from_triton_too_when_a_convolution_insists_on_it():
    x = torch.randn(2, 3, 7, 8, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(3, 1, 3, 3, dtype=torch.float64, requires_grad=True)
    settings = {"stride": 2, "padding": 1, "groups": 3}
    got = conv2d(x, weight, **settings, backend="triton")
    expected = torch.nn.functional.conv2d(x, weight, **settings)
    assert "circulant" in got.grad_fn.name()
    assert_close(got, expected)
    cotangent = torch.randn_like(expected)
    for one, other in zip(*(torch.autograd.grad(y, (x, weight), cotangent) for y in (got, expected))):
        assert_close(one, other)


def test_a_short_causal_convolution_through_the_door_equals_that_of_torch():
    x, weight = torch.randn(2, 4, 21, dtype=torch.float64), torch.randn(4, 1, 4, dtype=torch.float64)
    got = conv1d(x, weight, padding="causal", groups=4, backend="triton")
    padded = torch.nn.functional.pad(x, (3, 0))
    assert_close(got, torch.nn.functional.conv1d(padded, weight, groups=4))


def test_gates_and_skip_take_the_fused_pass_and_differentiate():
    shapes = {"x": (2, 3, 40), "kernel": (3, 40), "skip": (3,), "gate_in": (2, 3, 40), "gate_out": (2, 3, 40)}
    operands = {
        name: torch.randn(shape, dtype=torch.float64, requires_grad=True) for name, shape in shapes.items()
    }
    got = long_conv(**operands, algorithm=AlgorithmName.MONARCH, backend="triton")
    expected = long_conv(**operands, algorithm="direct", backend="torch")
    assert_close(got, expected)
    cotangent = torch.randn_like(got)
    leaves = tuple(operands.values())
    pairs = zip(*(torch.autograd.grad(y, leaves, cotangent) for y in (got, expected)))
    for name, (one, other) in zip(operands, pairs):
        assert_close(one, other, what=name)
