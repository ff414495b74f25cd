"""A wrong contestant has no time; a right one has all of its figures."""

from math import isnan

import pytest
import torch
from tests.bench.specimens import QUICK, group

from circulant import functional as CF
from circulant.bench.calls import laid_out, torch_code
from circulant.bench.contestant import Contestant, Layout, Package, Role
from circulant.bench.measure import measure
from circulant.bench.operation import Operation, normal, ours, peer, plain
from circulant.bench.row import Status
from circulant.bench.verdict import error_l2, judge
from circulant.bench.workload import Passes

SHAPE = (2, 3, 8)


def doubled(_shape):
    return lambda x: 2 * x


def operation_with(*others):
    return Operation(
        ("batch", "channels", "length"), lambda shape: normal(shape), doubled, (ours(doubled), *others)
    )


def rows_with(*others, passes=Passes.FORWARD):
    made = group(shapes=(SHAPE,))
    made = type(made)(made.name, made.operation, made.columns, made.shapes, passes, made.goal)
    return {row.contestant: row for row in measure(operation_with(*others), made, SHAPE, QUICK)}


def slightly_wrong(_shape):
    return lambda x: 2 * x + 1e-3


def never_called_again():
    calls = []

    def make(_shape):
        def wrong(x):
            calls.append(1)
            return 2 * x + 1e-3

        return wrong

    return make, calls


def test_a_wrong_result_is_reported_and_never_timed():
    make, calls = never_called_again()
    found = rows_with(plain("wrong", make))["wrong"]
    assert found.status is Status.WRONG
    assert found.note.startswith("the result is wrong by 0.0") and found.note.endswith("0.0001 is allowed")
    assert isnan(found.seconds) and isnan(found.ratio) and found.rounds == 0
    assert found.error > 1e-4
    assert len(calls) == 1  # once for the comparison


def test_the_same_code_without_the_error_is_timed():
    found = rows_with(plain("right", doubled))["right"]
    assert found.status is Status.MEASURED and found.rounds >= 7 and found.seconds > 0
    assert found.quartile_low <= found.seconds <= found.quartile_high
    assert found.ratio_low <= found.ratio <= found.ratio_high
    assert found.error == 0.0 and found.dtype == "float32" and found.package == "torch"


def test_a_wrong_result_of_ours_is_not_timed_either_and_nobody_is_compared_with_it():
    wrong = Operation(
        ("a", "b", "c"), lambda shape: normal(shape), doubled, (ours(slightly_wrong), plain("right", doubled))
    )
    found = {row.contestant: row for row in measure(wrong, group(shapes=(SHAPE,)), SHAPE, QUICK)}
    assert found["circulant"].status is Status.WRONG
    assert found["right"].seconds > 0 and isnan(found["right"].ratio)


def test_a_result_of_another_shape_is_wrong_even_where_its_values_are_right():
    found = rows_with(plain("flat", lambda shape: lambda x: (2 * x).flatten()))["flat"]
    assert (found.status, found.note) == (Status.WRONG, "the result has shape (48,), not (2, 3, 8)")


def test_not_a_number_is_wrong():
    found = rows_with(plain("empty", lambda shape: lambda x: x * float("nan")))["empty"]
    assert found.status is Status.WRONG


def test_a_wrong_gradient_is_wrong_though_the_result_is_right():
    class Detached(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        def backward(ctx, gradient):
            return 2.1 * gradient

    twin = plain("wrong backward", lambda shape: Detached.apply)
    assert rows_with(twin)["wrong backward"].status is Status.MEASURED
    found = rows_with(twin, passes=Passes.BOTH)["wrong backward"]
    assert found.status is Status.WRONG and "gradient of operand 1" in found.note


def test_ours_is_told_with_its_plan_and_nobody_else():
    def planned(_shape):
        return lambda x: CF.conv1d(x, torch.full((3, 1, 1), 2.0), groups=3, algorithm="fft", backend="torch")

    made = Operation(
        ("a", "b", "c"), lambda shape: normal(shape), doubled, (ours(planned), plain("too", planned))
    )
    found = {row.contestant: row for row in measure(made, group(shapes=(SHAPE,)), SHAPE, QUICK)}
    assert (found["circulant"].note, found["too"].note) == ("fft on torch", "")
    assert rows_with()["circulant"].note == "nothing planned"


def test_code_that_fails_is_reported_with_its_first_words():
    def make(_shape):
        raise ValueError("no such thing\nmore")

    found = rows_with(peer("broken", make))["broken"]
    assert (found.status, found.note) == (Status.FAILED, "ValueError: no such thing")


def test_a_bug_of_the_harness_is_not_disguised_as_a_failure_of_a_peer():
    def make(_shape):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        rows_with(peer("bug", make))


def test_channels_last_operands_arrive_in_that_layout():
    seen = []

    def make(_shape):
        def remember(x):
            seen.append(x.stride())
            return 2 * x

        return remember

    rows_with(peer("last", make, layout=Layout.CHANNELS_LAST))
    assert set(seen) == {(24, 1, 3)}


def test_channels_last_leaves_vectors_and_matrices_as_they_are():
    for shape in [(3,), (3, 4)]:
        assert laid_out(torch.randn(shape), Layout.CHANNELS_LAST).is_contiguous()


def test_a_missing_package_is_named_and_the_others_are_timed():
    nobody = Package("no-such-distribution", "no_such_module")
    found = rows_with(Contestant("absent", Role.PEER, torch_code(doubled), nobody), plain("right", doubled))
    assert (found["absent"].status, found["absent"].note) == (
        Status.LEFT_OUT, "no-such-distribution is not installed",
    )  # fmt: skip
    assert found["right"].status is Status.MEASURED


def test_the_error_is_the_l2_norm_of_the_difference_over_that_of_the_truth():
    got, expected = torch.tensor([3.0, 4.5]), torch.tensor([3.0, 4.0], dtype=torch.float64)
    assert error_l2(got, expected) == pytest.approx(0.1)
    assert error_l2(got, torch.zeros(2)) == pytest.approx(5.408326913195984)


def test_the_worst_of_result_and_gradients_is_the_error():
    exact = torch.ones(4, dtype=torch.float64)
    verdict = judge([torch.ones(4), torch.ones(4) + 1e-5], [exact, exact])
    assert verdict.fault == "" and verdict.error == pytest.approx(1e-5, rel=1e-2)
