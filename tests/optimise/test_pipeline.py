"""Passes of an optimisation have to prove themselves, under a clock that only the test moves."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from tests.optimise.small_pipeline import X, clock_of, network, outcome, scaled
from torch import nn

from circulant.core.errors import ArgumentError, UnknownNameError
from circulant.optimise import Goals, Labelled, Objective, optimise
from circulant.optimise.pass_report import Outcome
from circulant.optimise.passes import PASSES
from circulant.optimise.rewrite_pass import Changed, Pass, Refused


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
