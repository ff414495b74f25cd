"""Every contestant of every operation computes what the problem's own reference says."""

import pytest
import torch
from tests.bench.specimens import TINY

from circulant.bench import operation as operation_module
from circulant.bench.contestant import Package, Role
from circulant.bench.measure import attempt
from circulant.bench.operations.table import OPERATIONS
from circulant.bench.row import Status
from circulant.bench.workload import Passes
from circulant.core.tolerances import relative_error
from circulant.problems import selective_scan
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.sampled_conv import SampledConvProblem, reference
from circulant.problems.selective_scan import SelectiveScanProblem
from circulant.problems.trilinear import Slot

BOTH = (Passes.FORWARD, Passes.BOTH)


def case_of(name, passes=Passes.FORWARD):
    return OPERATIONS[name](TINY[name]).case(TINY[name], passes, 1)


def contestants():
    for name in OPERATIONS:
        for contestant in OPERATIONS[name](TINY[name]).contestants:
            yield pytest.param(name, contestant, id=f"{name}: {contestant.name}")


@pytest.fixture
def no_compiler(monkeypatch):
    """What is compiled is tested as it stands: compilers are torch's business, and slow."""
    monkeypatch.setattr(torch, "compile", lambda function, **settings: function)


def test_every_operation_has_a_small_shape_here():
    assert set(TINY) == set(OPERATIONS)


@pytest.mark.parametrize("passes", BOTH)
@pytest.mark.parametrize(("name", "contestant"), list(contestants()))
def test_everybody_is_right_or_says_why_not(name, contestant, passes, no_compiler):
    made = attempt(contestant, case_of(name, passes))
    if not contestant.package.is_installed:
        assert made.note == f"{contestant.package.distribution} is not installed"
    elif passes is Passes.BOTH and not contestant.has_backward:
        assert (made.status, made.note) == (Status.LEFT_OUT, "has no backward pass")
    else:
        assert (made.status, bool(made.note)) == (Status.MEASURED, contestant.is_ours), made.note
        assert made.error < 1e-6


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_fast_reference_agrees_with_the_loop(name, monkeypatch):
    looped = case_of(name, Passes.BOTH)
    monkeypatch.setattr(operation_module, "LARGEST_LOOPED_FLOP", 0.0)
    fast = case_of(name, Passes.BOTH)
    for got, wanted in zip(fast.expected, looped.expected, strict=True):
        assert relative_error(got, wanted) < 1e-12


def test_deformable_reference_agrees_with_the_problem_value_by_value():
    batch, channels, pixels, kernel, groups = TINY["deformable_conv2d"]
    window = ConvolutionProblem(
        torch.float64, Slot.OUTPUT, batch, channels, channels, (pixels,) * 2, (kernel,) * 2, (1, 1),
        ((kernel // 2,) * 2,) * 2, (1, 1), channels,
    )  # fmt: skip
    case = case_of("deformable_conv2d")
    exact = reference(SampledConvProblem(torch.float64, groups, window), *(x.double() for x in case.operands))
    assert relative_error(case.expected[0], exact) < 1e-10


def test_selective_scan_agrees_with_the_problem_value_by_value():
    batch, channels, states, length = TINY["selective_scan"]
    case = case_of("selective_scan")
    u, delta, A, B, C = (operand.double() for operand in case.operands)
    problem = SelectiveScanProblem(torch.float64, batch, channels, 1, states, length, False)
    start = torch.zeros(batch, channels, states, dtype=torch.float64)
    exact = selective_scan.reference(problem, u, delta, A, B[:, None], C[:, None], start)
    assert relative_error(case.expected[0], problem.split(exact)[0]) < 1e-12


def test_a_group_of_both_takes_wide_kernels_for_involutions():
    wide = OPERATIONS["local_and_sampled"]((1, 4, 9, 7, 2))
    assert wide is OPERATIONS["involution2d"](TINY["involution2d"])
    narrow = OPERATIONS["local_and_sampled"]((1, 4, 9, 3, 2))
    assert narrow is OPERATIONS["deformable_conv2d"](TINY["deformable_conv2d"])


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_has_ours_first_and_alone_and_plain_torch_to_be_measured_by(name):
    made = OPERATIONS[name](TINY[name]).contestants
    assert [one.role for one in made].count(Role.OURS) == 1 and made[0].role is Role.OURS
    assert any(one.role is Role.TORCH for one in made)
    assert len({one.name for one in made}) == len(made)


@pytest.mark.parametrize("name", OPERATIONS)
def test_results_are_fresh_in_every_call(name, no_compiler):
    case = case_of(name)
    for contestant in OPERATIONS[name](TINY[name]).contestants:
        if contestant.package.is_installed:
            call = contestant.prepare(case)
            first, second = call()[0], call()[0]
            assert first.data_ptr() != second.data_ptr(), contestant.name


def test_a_direct_sum_of_hours_is_left_out_with_its_size():
    case = case_of("long_conv")
    direct = next(c for c in OPERATIONS["long_conv"](case.shape).contestants if c.name == "F.conv1d")
    assert direct.refuses((2, 8, 1048576)) == "35184 GFLOP in a direct sum take too long"
    assert direct.refuses(case.shape) == ""


def test_a_package_that_is_not_there_is_named(monkeypatch):
    case = case_of("long_conv")
    monkeypatch.setattr(Package, "is_installed", property(lambda package: package.module != "scipy"))
    rows = {c.name: attempt(c, case, ["compile"]) for c in OPERATIONS["long_conv"](case.shape).contestants}
    assert rows["scipy oaconvolve"].note == "scipy is not installed"
    assert rows["scipy oaconvolve"].status is Status.LEFT_OUT
    assert rows["torch.compile of torch.fft code"].note == "not wanted"
    assert rows["circulant"].status is Status.MEASURED


def test_a_package_that_nobody_has_is_not_installed_and_has_no_version():
    missing = Package("no-such-distribution", "no_such_module")
    assert not missing.is_installed and missing.version == ""


def test_code_that_does_not_compile_is_reported_as_failed(monkeypatch):
    def broken(function, **_):
        raise RuntimeError("no C++ compiler\nand many more lines")

    monkeypatch.setattr(torch, "compile", broken)
    name = "torch.compile of F.conv1d"
    contestant = next(c for c in OPERATIONS["depthwise_conv1d"]((1,)).contestants if c.name == name)
    made = attempt(contestant, case_of("depthwise_conv1d"))
    assert (made.status, made.note) == (Status.FAILED, "RuntimeError: no C++ compiler")
    assert made.call is None
