"""Passes that change more than rounding does are found out, and those that do not are not."""

import pytest
import torch
from tests.optimise.small_pipeline import X, clock_of, network, scaled
from torch import nn

from circulant.optimise import optimise
from circulant.optimise.pass_report import Outcome
from circulant.optimise.rewrite_pass import Changed, Pass


def test_an_error_that_only_float64_shows_is_found_out():
    result = optimise(network(), X, passes=[scaled(1 + 1e-9)], clock=clock_of(9))
    assert result.reports[0].outcome is Outcome.WRONG
    assert "torch.float64" in result.reports[0].words
    assert result.reports[0].error_float32 < 1e-5


class Cancelling(nn.Module):
    """What it adds and takes away again costs digits: with 100 three in float32, and few in float64."""

    def __init__(self, detour=100.0):
        super().__init__()
        self.factor, self.detour = nn.Parameter(torch.ones(1)), detour

    def forward(self, x):
        return (self.factor * x + self.detour) - self.detour


class Factor(Cancelling):
    def forward(self, x):
        return self.factor * x


def without_cancelling(error):
    def apply(model, example):
        factor = Factor().to(model.factor.dtype)
        is_single = model.factor.dtype is torch.float32
        nn.init.constant_(factor.factor, 1 + error * is_single)
        return Changed(factor, "left the detour out")

    return Pass("leave out", "", True, apply)


def test_a_pass_may_differ_by_what_the_model_itself_loses_in_float32_and_no_more():
    right, wrong = (
        optimise(Cancelling(), X, passes=[without_cancelling(error)], clock=clock_of(2))
        for error in (0, 1e-3)
    )
    assert right.kept == ("leave out",)
    assert 1e-5 < right.reports[0].error_float32 < 1e-3
    assert wrong.reports[0].outcome is Outcome.WRONG and "is allowed" in wrong.reports[0].words


def test_in_float64_it_may_differ_by_as_many_units_of_that_precision():
    result = optimise(Cancelling(1e5), X, passes=[without_cancelling(0)], clock=clock_of(2))
    assert result.kept == ("leave out",)
    assert 1e-12 < result.reports[0].error_float64 < 1e-10


def broken_where(condition):
    """Right on the example, wrong where the condition holds."""

    class Broken(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            y = self.inner(x)
            return y + 1 if condition(x) else y

    return Pass("broken", "", True, lambda model, example: Changed(Broken(model), "broke it"))


@pytest.mark.parametrize(
    ("condition", "place"),
    [
        (lambda x: not x.any(), "zeros"),
        (lambda x: x.abs().max() > 20, "large values"),
        (lambda x: len(x) == 1, "a batch of 1"),
        (lambda x: len(x) == 3, "a batch of 3"),
        (lambda x: not x.is_contiguous(), "strided memory"),
        (lambda x: 1 < x.abs().max() < 20, "random values"),
    ],
    ids=["zeros", "large", "one", "three", "strided", "random"],
)
def test_hostile_inputs_find_what_the_example_does_not(condition, place):
    result = optimise(network(), X, passes=[broken_where(condition)], clock=clock_of(9))
    assert result.reports[0].outcome is Outcome.WRONG
    assert place in result.reports[0].words


class OfOneSize(nn.Module):
    """Takes batches of certain sizes only."""

    def __init__(self, sizes):
        super().__init__()
        self.inner, self.sizes = network(), sizes

    def forward(self, x):
        if len(x) not in self.sizes:
            raise ValueError(f"a batch of {len(x)}")
        return self.inner(x)


@pytest.mark.parametrize(("sizes", "rows"), [((1, 3, 8), 3), ((8,), 8)], ids=["any", "its own"])
def test_values_are_tried_in_few_rows_where_the_model_takes_them(sizes, rows):
    large = X[:1].expand(8, -1, -1, -1)
    for condition, place in [
        (lambda x: not x.any() and len(x) == rows, "zeros"),
        (lambda x: x.abs().max() > 20 and len(x) == rows, "large values"),
        (lambda x: not x.is_contiguous() and len(x) == rows, "strided memory"),
    ]:
        model = OfOneSize(sizes)
        report = optimise(model, large, passes=[broken_where(condition)], clock=clock_of(9)).reports[0]
        assert report.outcome is Outcome.WRONG
        assert place in report.words


class CancellingOnZeros(nn.Module):
    """A small difference of large numbers, which shows where the input is zero."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.p, self.q = (nn.Parameter(torch.rand(X[0].numel()) + 0.5) for _ in range(2))
        self.r = nn.Parameter(self.p.detach() * self.q.detach() * 0.9999)
        self.errors = {torch.float32: 0.0, torch.float64: 0.0}

    def forward(self, x):
        return 1000 * x.flatten(1) + (self.p * self.q * (1 + self.errors[x.dtype]) - self.r)


@pytest.mark.parametrize(("error", "kept"), [(0.0, ("err",)), (1e-13, ())])
def test_where_values_mean_nothing_in_float32_float64_decides(error, kept):
    def err(model, example):
        model.errors = {torch.float32: 1e-6, torch.float64: error}
        return Changed(model, "made errors")

    result = optimise(CancellingOnZeros(), X, passes=[Pass("err", "", True, err)], clock=clock_of(2))
    assert result.kept == kept
    if not kept:
        assert "zeros, torch.float64" in result.reports[0].words
