"""Tunable convolution: its modes, its batches, and the setting of whole networks."""

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.operators.dynamic.tunable_conv import (
    TunableConv1d,
    TunableConv2d,
    TunableConv3d,
    TuningMode,
    tune,
)

B, I, O, P = 4, 4, 6, 3
KINDS = {1: (TunableConv1d, nn.Conv1d), 2: (TunableConv2d, nn.Conv2d), 3: (TunableConv3d, nn.Conv3d)}


def operator(ndim: int = 2, **settings) -> nn.Module:
    torch.manual_seed(0)
    settings = {"bias": True, "groups": 2, "parameters": P, **settings}
    return KINDS[ndim][0](I, O, 3, 2, 1, dtype=torch.float64, **settings)


def pictures(ndim: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(B, I, *(7, 6, 5)[:ndim], dtype=torch.float64, generator=generator)


def tunings() -> torch.Tensor:
    return torch.rand(B, P, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_in_linear_mode_one_hot_tuning_selects_an_ordinary_convolution(ndim):
    module, x = operator(ndim, mode=TuningMode.LINEAR), pictures(ndim)
    assert module.mixing is None
    for number, tuning in enumerate(torch.eye(P, dtype=torch.float64)):
        conv = KINDS[ndim][1](I, O, 3, 2, 1, groups=2, dtype=torch.float64)
        conv.weight.data, conv.bias.data = module.weight[number], module.bias[number]
        assert torch.equal(module(x, tuning), conv(x))


def test_in_linear_mode_the_output_is_linear_in_the_tuning():
    module, x, a, b = operator(mode=TuningMode.LINEAR), pictures(), tunings(), tunings().flip(0)
    assert_close(module(x, 2 * a - 3 * b), 2 * module(x, a) - 3 * module(x, b))


@pytest.mark.parametrize("expand", [1, 2])
def test_in_mlp_mode_the_output_is_affine_in_the_tuning_and_not_linear(expand):
    module, x, a, b = operator(expand=expand), pictures(), tunings(), tunings().flip(0)
    assert len(module.weight) == expand * P
    zero = module(x, torch.zeros_like(a))
    assert_close(module(x, 2 * a - 3 * b) - zero, 2 * (module(x, a) - zero) - 3 * (module(x, b) - zero))
    assert zero.abs().max() > 1e-3


def test_more_than_one_kernel_for_each_parameter_is_mixed_in_either_mode():
    assert operator(mode=TuningMode.LINEAR, expand=2).mixing is not None


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_a_batch_of_tunings_equals_its_examples_in_value_and_gradients(ndim):
    module, x, tuning = operator(ndim), pictures(ndim).requires_grad_(), tunings().requires_grad_()
    leaves = [x, tuning, *module.parameters()]
    y = module(x, tuning)
    expected = torch.stack([module(one, knobs) for one, knobs in zip(x, tuning)])
    assert_close(y, expected)
    cotangent = torch.randn_like(y)
    found, wanted = (torch.autograd.grad(out, leaves, cotangent) for out in (y, expected))
    for got, want in zip(found, wanted):
        assert_close(got, want)


def test_an_empty_batch_of_tunings_has_an_empty_result():
    assert operator()(pictures()[:0], tunings()[:0]).shape == (0, O, 4, 3)


def test_the_bank_starts_as_convolutions_of_their_own():
    torch.manual_seed(0)
    module = TunableConv2d(32, 32, 3)
    bound = 1 / (32 * 9) ** 0.5
    assert module.bias is None
    for weight in module.weight:
        assert weight.abs().max() <= bound
        assert weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.03)


def test_a_network_is_tuned_as_a_whole_and_gradients_reach_the_tuning():
    torch.manual_seed(0)
    network = nn.Sequential(TunableConv2d(1, 4, 3), nn.GELU(), TunableConv2d(4, 2, 3, mode=TuningMode.LINEAR))
    x, tuning = torch.randn(3, 1, 8, 7), torch.rand(3, 2).requires_grad_()
    assert tune(network, tuning) == 2
    first, activation, last = network
    y = network(x)
    assert_close(y, last(activation(first(x, tuning)), tuning))
    (slope,) = torch.autograd.grad(y.square().sum(), tuning)
    assert slope.abs().min() > 0
    assert not any("tuning" in name for name in network.state_dict())


def test_tunings_that_do_not_fit_are_refused():
    module = operator()
    with pytest.raises(ShapeError, match="P = 3"):
        module(pictures(), tunings()[:, :2])
    with pytest.raises(ShapeError, match="tuning for 4 examples"):
        module(pictures(), tunings()[:2])
    with pytest.raises(ShapeError, match="P = 3"):
        tune(module, torch.ones(2))
    with pytest.raises(ArgumentError, match="found none in Linear"):
        tune(nn.Linear(2, 2), torch.ones(2))
