"""Layers are replaced where a plan is faster, keep their parameters, and compute the same."""

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.engine.choice import use
from circulant.engine.planner import is_torch_library
from circulant.functional import AlgorithmName
from circulant.optimise.replace_with_fft import PlannedConv, replace_with_fft


class OwnConv(nn.Conv2d):
    def forward(self, x):
        return 2 * super().forward(x)


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 1),
        nn.BatchNorm2d(8),
        nn.Conv2d(8, 8, 31, padding=15, groups=8),
        nn.ReLU(),
        nn.Sequential(nn.Conv2d(8, 8, 25, padding="same", padding_mode="circular", groups=8, bias=False)),
        nn.Conv2d(8, 4, 1),
    )


def verdicts_by_name(replacement):
    return {verdict.name: verdict for verdict in replacement.verdicts}


def test_large_kernels_are_replaced_and_pointwise_ones_kept():
    model, x = network(), torch.randn(2, 3, 56, 56)
    replacement = replace_with_fft(model, x)
    assert replacement.module is model
    replaced = {name for name, verdict in verdicts_by_name(replacement).items() if verdict.is_replaced}
    assert replaced == {"2", "4.0"}
    assert {name for name, module in model.named_modules() if isinstance(module, PlannedConv)} == replaced


def test_outputs_and_gradients_agree_in_float32():
    model, x = network().eval(), torch.randn(2, 3, 56, 56)
    expected = model(x)
    wanted = torch.autograd.grad(expected.square().sum(), list(model.parameters()))
    replace_with_fft(model, x)
    y = model(x)
    assert_close(y, expected, 1e-4)
    found = torch.autograd.grad(y.square().sum(), list(model.parameters()))
    for got, want in zip(found, wanted):
        assert_close(got, want, 1e-4)


def test_parameters_stay_the_same_objects_under_the_same_names():
    model = network()
    before = dict(model.named_parameters())
    replace_with_fft(model, torch.randn(1, 3, 56, 56))
    after = dict(model.named_parameters())
    assert list(before) == list(after)
    assert all(before[name] is after[name] for name in before)
    network().load_state_dict(model.state_dict())


def test_the_example_leaves_no_trace():
    model = network()
    model[1].eval()
    statistics = {name: value.clone() for name, value in model.named_buffers()}
    replace_with_fft(model, torch.randn(2, 3, 56, 56))
    assert all(torch.equal(statistics[name], value) for name, value in model.named_buffers())
    assert {name for name, module in model.named_modules() if not module.training} == {"1"}
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_the_summary_says_what_was_replaced_and_why():
    text = str(replace_with_fft(network(), torch.randn(2, 3, 56, 56)))
    first, *rows = text.splitlines()
    assert first == "replaced 2 of 4 convolution layers"
    assert len(rows) == 4
    assert "0: kept, input 2x3x56x56: direct on torch" in rows[0]
    assert "2: replaced, input 2x8x56x56: " in rows[1]
    assert "ms predicted, against direct on torch" in rows[1]


def test_a_layer_on_its_own_comes_back_as_another():
    conv, x = nn.Conv2d(4, 4, 41, padding=20, groups=4), torch.randn(1, 4, 64, 64)
    replacement = replace_with_fft(conv, x)
    assert isinstance(replacement.module, PlannedConv)
    assert replacement.module.weight is conv.weight
    assert (replacement.module.in_channels, replacement.module.padding) == (4, (20, 20))
    assert_close(replacement.module(x), conv(x), 1e-4)
    assert_close(replacement.module(x[0]), conv(x)[0], 1e-4)


def test_a_shared_layer_is_replaced_wherever_it_stands():
    conv = nn.Conv2d(4, 4, 41, padding=20, groups=4)
    model = nn.ModuleDict({"a": nn.Sequential(conv, nn.ReLU(), conv), "b": conv})
    chain = nn.Sequential(model["a"], model["b"])
    x = torch.randn(1, 4, 64, 64)
    expected = chain(x)
    replacement = replace_with_fft(chain, x)
    assert len(replacement.verdicts) == 1
    assert chain[0][0] is chain[0][2] is chain[1]
    assert isinstance(chain[1], PlannedConv)
    assert_close(chain(x), expected, 1e-4)


@pytest.mark.parametrize(("name", "words"), [("own", "OwnConv"), ("hooked", "hooks"), ("unmet", "not reach")])
def test_layers_that_may_mean_something_else_are_kept(name, words):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.own = OwnConv(2, 2, 41, padding=20, groups=2)
            self.hooked = nn.Conv2d(2, 2, 41, padding=20, groups=2)
            self.hooked.register_forward_hook(lambda module, inputs, output: output + 1)
            self.unmet = nn.Conv2d(2, 2, 41, padding=20, groups=2)

        def forward(self, x):
            return self.hooked(self.own(x))

    model, x = Model(), torch.randn(1, 2, 56, 56)
    expected = model(x)
    verdict = verdicts_by_name(replace_with_fft(model, x))[name]
    assert not verdict.is_replaced
    assert words in verdict.reason
    assert torch.equal(model(x), expected)


def test_series_are_replaced_too():
    conv, x = nn.Conv1d(4, 4, 2001, padding=1000, groups=4), torch.randn(2, 4, 5000)
    replacement = replace_with_fft(nn.Sequential(conv), x)
    (verdict,) = replacement.verdicts
    assert verdict.is_replaced
    assert_close(replacement.module(x), conv(x), 1e-4)


def test_what_the_caller_insists_on_is_the_plan():
    with use(algorithm=AlgorithmName.DIRECT, backend=None):
        replacement = replace_with_fft(network(), torch.randn(1, 3, 56, 56))
    plans = [plan for verdict in replacement.verdicts for plan in verdict.plans]
    assert all(plan.chosen.algorithm.name is AlgorithmName.DIRECT for plan in plans)
    assert [v.is_replaced for v in replacement.verdicts] == [not is_torch_library(p.chosen) for p in plans]


def test_measured_times_decide_where_they_are_asked_for():
    conv, x = nn.Conv2d(2, 2, 13, padding=6, groups=2), torch.randn(1, 2, 20, 20)
    (verdict,) = replace_with_fft(conv, x, measure=True).verdicts
    assert verdict.plans[0].candidates[0].is_measured
    assert "ms measured" in verdict.reason


def test_an_example_that_is_no_tensor_is_refused():
    with pytest.raises(ArgumentError, match="example_input as the tensor that the module takes, got tuple"):
        replace_with_fft(network(), (1, 3, 56, 56))
