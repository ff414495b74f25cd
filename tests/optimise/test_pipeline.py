"""Passes of an optimisation have to prove themselves, under a clock that only the test moves."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError, UnknownNameError
from circulant.optimise import Goals, Labelled, Objective, optimise
from circulant.optimise.pass_report import Outcome
from circulant.optimise.passes import PASSES
from circulant.optimise.rewrite_pass import Changed, Pass, Refused

ROUNDS = 9


def clock_of(gain):
    """The rewritten model takes 1 / gain of the time, with some spread."""

    def measured(calls, budget):
        wobble = [1 + 0.01 * (turn % 3) for turn in range(ROUNDS)]
        return {"before": wobble, "after": [each / gain for each in wobble]}

    return measured


def network():
    layers = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 4 * 4, 5)]
    layers[1].running_mean.normal_()
    layers[1].running_var.uniform_(0.5, 2)
    return nn.Sequential(*layers)


def scaled(by):
    """An exact pass by its own word; it is one for by = 1 only."""

    def apply(model, example):
        with torch.no_grad():
            model[0].weight.mul_(by)
        return Changed(model, "scaled a weight")

    return Pass("scale", "", True, apply)


X = 0.2 * torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(0)) - 0.1


def outcome(report):
    return report.outcome, report.words


def test_a_pass_that_is_right_and_faster_is_kept():
    result = optimise(network(), X, passes=[scaled(1.0)], clock=clock_of(1.5))
    assert result.kept == ("scale",)
    assert result.reports[0].worth.race.ratio.median == pytest.approx(1.5)
    assert result.overall is not None


def test_a_wrong_pass_is_found_out_and_not_kept():
    model = network()
    result = optimise(model, X, passes=[scaled(1.001)], clock=clock_of(9))
    assert result.reports[0].outcome is Outcome.WRONG
    assert result.reports[0].error_float64 > 1e-5
    assert torch.equal(result.model[0].weight, model[0].weight)


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


def test_a_useless_pass_is_not_kept():
    for gain in (1.0, 0.5):
        result = optimise(network(), X, passes=[scaled(1.0)], clock=clock_of(gain))
        assert outcome(result.reports[0]) == (Outcome.NO_GAIN, "scaled a weight")


@pytest.mark.parametrize(("gain", "expected"), [(1.0, Outcome.KEPT), (0.5, Outcome.NO_GAIN)])
def test_what_simplifies_is_kept_for_those_after_it_unless_it_is_slower(gain, expected):
    simpler = replace(scaled(1.0), simplifies=True)
    result = optimise(network(), X, passes=[simpler], clock=clock_of(gain))
    assert outcome(result.reports[0]) == (expected, "scaled a weight")


def test_a_gain_that_is_seen_once_only_is_not_kept():
    gains = iter([1.05, 1.0])
    result = optimise(
        network(), X, passes=[scaled(1.0)], clock=lambda calls, budget: clock_of(next(gains))(calls, budget)
    )
    assert result.reports[0].outcome is Outcome.NO_GAIN


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


def test_a_clear_gain_is_timed_once_and_a_small_one_twice():
    def times_of(gain):
        called = []

        def counting(calls, budget):
            called.append(calls)
            return clock_of(gain)(calls, budget)

        result = optimise(network(), X, passes=[scaled(1.0)], clock=counting)
        assert result.kept == ("scale",)
        return len(called)

    assert times_of(1.05) == times_of(1.5) + 1


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


def test_a_pass_that_fails_is_refused_with_its_words():
    def fail(model, example):
        raise KeyError("no such layer")

    result = optimise(network(), X, passes=[Pass("fail", "", True, fail)], clock=clock_of(9))
    assert outcome(result.reports[0]) == (Outcome.REFUSED, "KeyError: 'no such layer'")
    assert result.overall is None
    assert "nothing" in result.table()


def test_gradients_count_only_where_the_model_is_trained_on():
    def cut_gradient(model, example):
        linear = model[4]

        class Cut(nn.Linear):
            def forward(self, x):
                return super().forward(x.detach())

        cut = Cut(linear.in_features, linear.out_features)
        cut.weight, cut.bias = linear.weight, linear.bias
        model[4] = cut
        return Changed(model, "cut the gradient")

    cut = Pass("cut", "", True, cut_gradient)
    assert optimise(network(), X, passes=[cut], clock=clock_of(2)).kept == ("cut",)
    trained = optimise(network(), X, passes=[cut], clock=clock_of(2), goals=Goals(is_trained=True))
    assert trained.reports[0].outcome is Outcome.WRONG
    assert "gradient" in trained.reports[0].words


def test_a_model_that_is_trained_on_keeps_its_parameters():
    result = optimise(network(), X, clock=clock_of(2), goals=Goals(is_trained=True))
    assert "fold-batch-norms" not in result.kept
    assert "channels-last" in result.kept
    assert result.model.training
    assert dict(result.model.named_parameters()).keys() == dict(network().named_parameters()).keys()


@pytest.mark.parametrize("is_trained", [False, True])
def test_the_model_that_is_handed_in_is_bit_for_bit_unchanged(is_trained):
    model = network().train()
    model[1].register_forward_hook(lambda *_: None)
    state, given = deepcopy(model.state_dict()), X.clone()
    numbers = torch.get_rng_state()
    layout = [parameter.stride() for parameter in model.parameters()]
    result = optimise(model, X, clock=clock_of(2), goals=Goals(is_trained=is_trained))
    assert result.kept
    assert model.training
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert [parameter.stride() for parameter in model.parameters()] == layout
    assert all(parameter.grad is None for parameter in model.parameters())
    assert len(model[1]._forward_hooks) == 1
    assert torch.equal(X, given)
    assert torch.equal(torch.get_rng_state(), numbers)


def test_for_size_the_smaller_model_is_kept_even_if_it_is_slower():
    result = optimise(network(), X, clock=clock_of(0.5), goals=Goals(Objective.SIZE))
    assert result.kept == ("fold-batch-norms",)
    before, after = result.overall.parameter_byte
    assert after < before


def test_approximate_passes_are_tried_only_where_they_are_named():
    names = {each.name for each in PASSES if not each.is_exact}
    assert not names & {report.name for report in optimise(network(), X, clock=clock_of(1)).reports}
    allowed = optimise(network(), X, clock=clock_of(2), goals=Goals(allowed=frozenset({"prune-filters"})))
    assert allowed.kept[-2:] == ("prune-filters", "pack-weights")
    assert allowed.reports[-2].error_float32 > 1e-3
    assert not allowed.reports[-2].is_exact


def test_an_unknown_or_exact_name_is_not_allowed():
    with pytest.raises(UnknownNameError, match="low-rank"):
        optimise(network(), X, goals=Goals(allowed=frozenset({"low-rnk"})))
    with pytest.raises(UnknownNameError):
        optimise(network(), X, goals=Goals(allowed=frozenset({"fold-batch-norms"})))


def test_an_approximate_pass_that_costs_accuracy_is_not_kept():
    model = network().eval()
    x = torch.randn(40, 3, 6, 6)
    data = Labelled(x, model(x).argmax(1))
    ruin = Pass("ruin", "", False, scaled(-1.0).apply)
    result = optimise(
        model, X, passes=[ruin], data=data, clock=clock_of(9), goals=Goals(allowed=frozenset({"ruin"}))
    )
    assert result.reports[0].outcome is Outcome.WRONG
    assert "accuracy" in result.reports[0].words
    assert result.reports[0].worth.accuracy[0] == 1.0


def test_on_top_and_alone_are_told_apart():
    gains = iter([2.0, 3.0, 4.0, 5.0])
    result = optimise(
        network(),
        X,
        passes=[scaled(1.0), Pass("second", "", True, scaled(1.0).apply)],
        clock=lambda calls, budget: clock_of(next(gains))(calls, budget),
    )
    second = result.reports[1]
    assert second.worth.race.ratio.median == pytest.approx(3)
    assert second.alone.ratio.median == pytest.approx(4)


class Answers(nn.Module):
    """As Hugging Face models do: named inputs, optional ones, a mapping with gaps."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(10, 8)
        self.body = nn.Sequential(nn.Conv1d(8, 8, 3, padding=1), nn.BatchNorm1d(8), nn.Identity(), nn.ReLU())
        self.head = nn.Linear(8, 3)

    def forward(self, input_ids, attention_mask=None, return_dict=True):
        hidden = self.body(self.embed(input_ids).mT).mT
        if attention_mask is not None:
            hidden = hidden * attention_mask[..., None]
        return {"logits": self.head(hidden), "hidden_states": (hidden,), "loss": None}


def test_named_inputs_and_mappings_are_taken_and_what_is_not_traceable_is_left():
    example = {"input_ids": torch.randint(0, 10, (2, 7)), "attention_mask": torch.ones(2, 7)}
    model = Answers().eval()
    result = optimise(model, example, clock=clock_of(2))
    assert {"remove-dead", "fold-batch-norms"} <= set(result.kept)
    assert isinstance(result.model, Answers)
    got, wanted = result.model(**example), model(**example)
    assert got["loss"] is None
    torch.testing.assert_close(got["logits"], wanted["logits"])


class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, x):
        y = self.norm(self.conv(x))
        return y if y.sum() > 0 else -y


def test_an_untraceable_model_is_left_untouched_with_the_reason():
    model = Branching()
    result = optimise(model, X, clock=clock_of(1))
    reports = {report.name: report for report in result.reports}
    for name in ("remove-dead", "fold-batch-norms", "fuse-conv-first-blocks"):
        assert reports[name].outcome is Outcome.REFUSED
        assert "control flow" in reports[name].words
    assert type(result.model) is Branching
    assert all(
        torch.equal(value, result.model.state_dict()[name]) for name, value in model.state_dict().items()
    )


class OneDtype(nn.Module):
    """Runs in one precision, as code with a dtype written into it does."""

    def __init__(self, dtype):
        super().__init__()
        self.dtype, self.linear = dtype, nn.Linear(3, 3)

    def forward(self, x):
        return self.linear(x) * self.linear(x.new_ones(1, 3, dtype=self.dtype))


def test_what_runs_in_float32_alone_is_compared_there_and_the_table_has_a_dash():
    nothing = Pass("nothing", "", True, lambda model, example: Changed(model, "did nothing"))
    result = optimise(OneDtype(torch.float32), torch.randn(2, 3), passes=[nothing], clock=clock_of(2))
    assert result.kept == ("nothing",)
    assert result.reports[0].error_float64 != result.reports[0].error_float64
    assert "–" in result.table().splitlines()[1]


def test_what_cannot_be_compared_is_not_kept():
    nothing = Pass("nothing", "", True, lambda model, example: Changed(model, "did nothing"))
    model = OneDtype(torch.float64).double()
    result = optimise(model, torch.randn(2, 3, dtype=torch.float64), passes=[nothing], clock=clock_of(2))
    assert result.reports[0].outcome is Outcome.WRONG
    assert "none of the inputs" in result.reports[0].words


class Noisy(nn.Module):
    count = 0

    def forward(self, x):
        Noisy.count += 1
        return x + Noisy.count


def test_a_model_that_answers_differently_each_time_is_refused():
    with pytest.raises(ArgumentError, match="same answer twice"):
        optimise(Noisy(), X)


@pytest.mark.parametrize(
    ("model", "example", "words"),
    [
        (lambda x: x, X, "torch.nn.Module"),
        (network(), X[:, :2], "takes the example"),
        (network(), "no tensor", "tuple or mapping"),
    ],
    ids=["model", "shape", "example"],
)
def test_wrong_arguments_are_told(model, example, words):
    with pytest.raises(ArgumentError, match=words):
        optimise(model, example)


def test_the_table_has_a_line_for_each_pass_and_names_errors():
    result = optimise(network(), X, clock=clock_of(2))
    lines = result.table().splitlines()
    assert len(lines) == 2 + sum(each.is_exact for each in PASSES)
    assert lines[0].startswith("pass")
    assert lines[-1].endswith(", ".join(result.kept))
    assert "2.00 (2.00 to 2.00)" in result.table()


def test_a_refusal_needs_no_measurement():
    def never(calls, budget):
        raise AssertionError("timed")

    nothing = Pass("nothing", "", True, lambda model, example: Refused("nothing to do"))
    assert optimise(network(), X, passes=[nothing], clock=never).kept == ()
