"""What the planner chooses, what it obeys, and how a plan reads."""

from dataclasses import replace

import pytest
import torch

import circulant
from circulant.algorithms.algorithm import AlgorithmName, Rejected
from circulant.backends.native import core
from circulant.backends.table import IMPLEMENTATIONS, Backend
from circulant.core.errors import NoPlanError
from circulant.core.tolerances import assert_close
from circulant.engine import planner, wisdom
from circulant.engine.choice import Choice, use
from circulant.engine.machine import default_machine, regimes
from circulant.functional import conv2d, long_conv
from circulant.operators.spatial.depthwise_conv import DepthwiseConv2d
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.trilinear import Slot


@pytest.fixture(autouse=True)
def _nothing_measured(tmp_path, monkeypatch):
    """Predictions alone decide, whatever this machine has measured before."""
    monkeypatch.setenv(wisdom.FOLDER_VARIABLE, str(tmp_path))
    planner.forget_plans()
    yield
    planner.forget_plans()


def long_problem(length, kernel, slot=Slot.OUTPUT, dtype=torch.float32):
    return LongConvProblem(dtype, slot, 4, 16, length, kernel, 0, False)


def depthwise_problem(pixels, kernel):
    sides = ((kernel // 2,) * 2,) * 2
    return ConvolutionProblem(
        torch.float32, Slot.OUTPUT, 16, 96, 96, (pixels,) * 2, (kernel,) * 2, (1, 1), sides, (1, 1), 96
    )


def on_a_cpu(plan):
    """The candidates that tensors on a CPU do not rule out."""
    return [c for c in plan.candidates if c.implementation.backend is not Backend.TRITON]


ORDINARY = {
    "pointwise": ((8, 256, 14, 14), (512, 256, 1, 1), {}),
    "strided": ((8, 128, 28, 28), (256, 128, 3, 3), {"padding": 1, "stride": 2}),
}


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_layers_are_run_by_torch(name):
    input_shape, weight_shape, settings = ORDINARY[name]
    plan = circulant.plan("conv2d", input=input_shape, weight=weight_shape, **settings)
    assert plan.chosen.backend is Backend.TORCH


def test_what_solves_for_the_output_only_is_refused_for_gradients():
    plan = circulant.plan("conv2d", input=(8, 8, 112, 112), weight=(8, 8, 3, 3), padding=1)
    gradient = planner.plan(plan.problem.for_slot(Slot.KERNEL))
    assert "refused: solves for the output, this problem is for the kernel" in str(gradient)


def test_where_torch_is_the_plan_nothing_of_ours_is_around_it():
    x, weight = torch.randn(2, 8, 6, 6, requires_grad=True), torch.randn(8, 8, 3, 3)
    assert planner.is_torch_library(circulant.plan("conv2d", input=x.shape, weight=weight.shape).chosen)
    assert conv2d(x, weight).grad_fn.name() == "ConvolutionBackward0"
    assert "circulant" in conv2d(x, weight, algorithm="im2col").grad_fn.name()


def test_short_kernels_run_directly_and_long_ones_by_transform():
    by_torch = Choice(backend=Backend.TORCH)
    plans = [planner.plan(long_problem(length, length), by_torch) for length in (8, 8192)]
    names = [plan.chosen.algorithm.name for plan in plans]
    assert names[0] is AlgorithmName.DIRECT
    assert names[1] in (AlgorithmName.FFT, AlgorithmName.OVERLAP_SAVE)


@pytest.mark.parametrize("channels_last", [False, True])
def test_another_plan_displaces_torch_beyond_doubt_only(channels_last):
    machine, chosen = default_machine(), []
    for kernel in (1, 3, 5, 7, 9, 11, 13, 21, 31, 63):
        problem = replace(depthwise_problem(56, kernel), channels_last=channels_last)
        plan = planner.plan(problem)
        others = [c for c in plan.candidates if c.is_possible and str(c.implementation) != "direct on torch"]
        (torchs,) = (c for c in plan.candidates if str(c.implementation) == "direct on torch")
        fastest = min(others, key=lambda c: c.seconds)
        at_worst = fastest.seconds * machine.doubt(str(fastest.implementation), problem)
        is_beyond_doubt = at_worst + planner.DISPATCH < torchs.seconds
        assert (plan.chosen is not torchs.implementation) == is_beyond_doubt
        chosen.append(is_beyond_doubt)
    assert chosen[-1] and not (channels_last and chosen[0])


def plan_of(torchs, others):
    """A plan of two candidates with these seconds, the faster first; None: no such candidate."""
    plan = planner.plan(depthwise_problem(56, 3), Choice())
    both = [
        replace(next(c for c in plan.candidates if str(c.implementation) == name), seconds=seconds)
        for name, seconds in (("direct on torch", torchs), ("direct on native", others))
        if seconds is not None
    ]
    return replace(plan, candidates=tuple(sorted(both, key=lambda c: c.seconds)))


@pytest.mark.parametrize(
    ("seconds", "is_left"),
    [
        ([(1e-3, 2e-3)], True),
        ([(2e-3, 1e-3)], False),
        ([(1e-3, 2e-3)] * 3, True),
        ([(1e-3, 2e-3), (1e-3, 2e-3), (2.5e-3, 1e-3)], True),  # saves a third of the three
        ([(1e-3, 2e-3), (1e-3, 2e-3), (5e-3, 1e-3)], False),
        ([(1e-3, 2e-3), (2e-3, 0.8e-3), (2e-3, 0.6e-3)], False),  # together they save enough
        ([(None, 1e-3)], False),
    ],
)
def test_a_call_and_its_gradients_are_left_to_torch_together(seconds, is_left):
    assert planner.is_left_to_torch([plan_of(*each) for each in seconds]) is is_left


def test_gradients_that_torch_is_slow_at_make_a_call_ours():
    x, weight = torch.randn(4, 64, 56, 56), torch.randn(64, 1, 7, 7)
    y = conv2d(x.requires_grad_(), weight.requires_grad_(), padding=3, groups=64)
    assert "circulant" in y.grad_fn.name()


def test_steps_between_taps_make_a_kernel_as_slow_as_a_wide_one():
    def regime(kernel, dilation, slot):
        side = dilation * (kernel - 1) // 2
        problem = replace(depthwise_problem(56, kernel), dilation=(dilation,) * 2, slot=slot)
        return regimes(replace(problem, padding=((side, side),) * 2))

    assert regime(7, 1, Slot.OUTPUT) == ("narrow depthwise 2-D",)
    assert regime(7, 2, Slot.OUTPUT)[0] == "narrow depthwise 2-D, dilated"
    assert regime(7, 3, Slot.OUTPUT)[-1] == regime(15, 1, Slot.OUTPUT)[-1] == "depthwise 2-D"
    assert regime(7, 2, Slot.KERNEL) == (
        "narrow depthwise 2-D, dilated, for the kernel",
        "narrow depthwise 2-D, for the kernel",
        "narrow depthwise 2-D, dilated",
        "narrow depthwise 2-D",
    )


def test_long_rows_of_taps_are_slow_for_torch_with_channels_last_only():
    def regime(kernel, slot=Slot.OUTPUT, channels_last=True):
        return regimes(replace(depthwise_problem(56, kernel), slot=slot, channels_last=channels_last))

    assert regime(13)[0] == "small depthwise 2-D, long rows, channels last"
    assert regime(9)[0] == "small depthwise 2-D, channels last"
    assert regime(13, channels_last=False) == ("small depthwise 2-D",)
    assert regime(13, Slot.INPUT)[0] == "small depthwise 2-D, for the input, channels last"


@torch.no_grad()
def test_a_planned_layer_says_whether_torch_runs_it():
    assert DepthwiseConv2d(4, (3, 3)).is_torchs(torch.randn(1, 4, 8, 8))
    assert not DepthwiseConv2d(64, (31, 31)).is_torchs(torch.randn(1, 64, 56, 56))


def test_what_reads_contiguous_tensors_pays_for_the_change_of_layout():
    contiguous = depthwise_problem(56, 31)
    seconds = [
        {str(c.implementation): c.seconds for c in planner.plan(problem).candidates}["fft on native"]
        for problem in (contiguous, replace(contiguous, channels_last=True))
    ]
    assert seconds[1] > seconds[0]


def test_a_plan_has_every_implementation_of_its_problem_refused_ones_last():
    problem = circulant.plan("conv2d", input=(1, 2, 8, 8), weight=(4, 2, 3, 3)).problem
    plan = planner.plan(problem)
    rows = [row for row in IMPLEMENTATIONS if row.problem is ConvolutionProblem]
    assert {str(c.implementation) for c in plan.candidates} == {str(row) for row in rows}
    assert len(plan.candidates) == len(rows)
    possible = [c.is_possible for c in plan.candidates]
    assert possible == sorted(possible, reverse=True)
    assert not all(possible)


def test_a_plan_reads_as_a_table_with_its_choice_marked_and_reasons_given():
    plan = circulant.plan("conv2d", input=(32, 384, 56, 56), weight=(384, 1, 31, 31), padding=15, groups=384)
    problem, titles, first, *rest = str(plan).splitlines()
    assert "32x384x56x56" in problem
    assert "31x31" in problem
    assert titles.split()[:3] == ["algorithm", "on", "backend"]
    assert first.startswith(f"-> {plan.chosen}")
    assert " ms " in first
    assert "GFLOP" in first
    assert "MiB" in first
    assert not any(line.startswith("->") for line in rest)
    assert any("refused: blocks 1 spatial axis, the problem has 2" in line for line in rest)
    assert "refused" in rest[-1]


def test_the_work_of_the_direct_algorithm_is_that_of_the_equation():
    plan = circulant.plan("conv2d", input=(2, 6, 9, 8), weight=(4, 3, 3, 2), groups=2)
    (direct,) = [c for c in plan.candidates if str(c.implementation) == "direct on torch"]
    assert direct.verdict.flop == 2 * 2 * 4 * 7 * 7 * 3 * 3 * 2


@pytest.mark.parametrize("limit", [3e5, 5e6, 1e8])
def test_the_workspace_stays_within_its_limit(limit):
    problem = long_problem(4096, 4096)
    plan = planner.plan(problem, Choice(workspace_limit=limit))
    for candidate in on_a_cpu(plan):
        algorithm = candidate.implementation.algorithm
        if algorithm.rejects(problem) is not None:
            continue
        needed = algorithm.work(problem).workspace(torch.get_num_threads())
        if isinstance(candidate.verdict, Rejected):
            assert needed > limit
            assert "bytes of workspace, the limit is" in candidate.verdict.reason
        else:
            assert needed <= limit
    with pytest.raises(NoPlanError, match="bytes of workspace, the limit is 0"):
        planner.plan(problem, Choice(workspace_limit=0.0))


def test_the_tolerance_is_obeyed_and_impossible_ones_are_refused():
    problem = long_problem(4096, 4096)
    possible = [candidate for candidate in planner.plan(problem).candidates if candidate.is_possible]
    errors = {str(c.implementation): c.verdict.error(problem.dtype) for c in possible}
    between = sorted(set(errors.values()))[0] * 1.01
    plan = planner.plan(problem, Choice(tolerance=between))
    accepted = {str(c.implementation) for c in plan.candidates if c.is_possible}
    assert accepted == {name for name, error in errors.items() if error <= between} != set(errors)
    with pytest.raises(NoPlanError, match="expects an error of"):
        planner.plan(problem, Choice(tolerance=1e-12))


def test_limits_reach_the_calls_inside_the_block():
    x, kernel = torch.randn(1, 1, 64), torch.randn(1, 64)
    with use(workspace_limit=16.0), pytest.raises(NoPlanError, match="bytes of workspace, the limit is 16"):
        long_conv(x, kernel)
    with use(tolerance=1e-12), pytest.raises(NoPlanError, match="tolerance"):
        long_conv(x, kernel)


def test_expected_errors_bound_the_errors_that_occur():
    generator = torch.Generator().manual_seed(0)
    for length in (64, 1000):
        x = torch.randn(4, 16, length, generator=generator)
        kernel = torch.randn(16, length, generator=generator)
        exact = long_conv(x.double(), kernel.double(), algorithm="direct")
        for candidate in planner.plan(long_problem(length, length)).candidates:
            if not candidate.is_possible:
                continue
            row = candidate.implementation
            y = long_conv(x, kernel, algorithm=row.algorithm.name, backend=row.backend)
            error = (y - exact).norm() / exact.norm()
            assert error <= 4 * candidate.verdict.error(torch.float32), str(row)


def test_gradients_are_planned_too():
    for slot in Slot:
        assert planner.plan(long_problem(4096, 4096, slot)).problem.slot is slot


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_planned_like_any_other(dtype):
    assert planner.plan(long_problem(4096, 4096, dtype=dtype)).chosen.backend is Backend.NATIVE


def test_without_the_core_torch_does_the_work_and_the_plan_says_why(monkeypatch):
    monkeypatch.setattr(core, "why_missing", lambda: "it was not built")
    planner.forget_plans()
    try:
        plan = planner.plan(long_problem(4096, 4096))
        assert plan.chosen.backend is Backend.TORCH
        assert "it was not built" in str(plan)
        x, kernel = torch.randn(1, 2, 50), torch.randn(2, 50)
        expected = long_conv(x.double(), kernel.double(), algorithm="direct").float()
        assert_close(long_conv(x, kernel), expected)
        with pytest.raises(NoPlanError, match="it was not built"):
            long_conv(x, kernel, backend="native")
    finally:
        planner.forget_plans()


def test_the_core_is_called_for_depthwise_images_when_it_is_forced():
    x, weight = torch.randn(2, 3, 8, 8, requires_grad=True), torch.randn(3, 1, 5, 5, requires_grad=True)
    before = core.load().call_count()
    y = conv2d(x, weight, padding=2, groups=3, backend="native")
    torch.autograd.grad(y.sum(), (x, weight))
    assert core.load().call_count() == before + 3
