"""Conditionally parameterised convolution: one kernel for each example, equal to the mixture of experts."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from circulant.algorithms.algorithm import AlgorithmName
from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.engine.choice import use
from circulant.operators.dynamic.cond_conv2d import CondConv2d

B, I, O, EXPERTS = 4, 6, 4, 3


def operator(**settings) -> CondConv2d:
    torch.manual_seed(0)
    settings = {"padding": (1, 2), "groups": 2, "experts": EXPERTS, "dtype": torch.float64, **settings}
    return CondConv2d(I, O, (3, 5), **settings)


def pictures() -> torch.Tensor:
    return torch.randn(B, I, 7, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_equals_the_mixture_of_the_experts_outputs():
    module, x = operator(), pictures()
    gates = torch.sigmoid(x.mean((2, 3)) @ module.routing.weight.T + module.routing.bias)
    expected = 0
    for gate, weight, bias in zip(gates.T, module.weight, module.bias):
        expected = expected + gate[:, None, None, None] * F.conv2d(x, weight, bias, padding=(1, 2), groups=2)
    assert gates.std() > 0.01
    assert_close(module(x), expected)


@pytest.mark.parametrize("settings", [{}, {"bias": False}, {"padding_mode": "reflect"}])
def test_a_batch_equals_its_examples_one_by_one(settings):
    module, x = operator(**settings), pictures()
    assert_close(module(x), torch.stack([module(one) for one in x]))


def test_one_expert_with_gate_one_is_torchs_convolution():
    module = CondConv2d(I, O, 3, 2, 1, experts=1, dtype=torch.float64)
    conv = nn.Conv2d(I, O, 3, 2, 1, dtype=torch.float64)
    with torch.no_grad():
        conv.weight.copy_(module.weight[0])
        conv.bias.copy_(module.bias[0])
    x = pictures()
    assert_close(module(x, torch.ones(B, 1, dtype=torch.float64)), conv(x))


def test_a_routing_vector_can_be_shared():
    module, x = operator(), pictures()
    elsewhere = pictures().flip(0)
    shared = module.route(elsewhere)
    assert shared.shape == (B, EXPERTS)
    assert_close(module(elsewhere, shared), module(elsewhere))
    assert (module(x, shared) - module(x)).abs().max() > 1e-3


@pytest.mark.parametrize("shape", [(B, EXPERTS + 1), (B + 1, EXPERTS), (EXPERTS,)])
def test_gates_that_do_not_fit_are_refused(shape):
    with pytest.raises(ShapeError, match=r"expected routing \(B, experts\) = \(4, 3\)"):
        operator()(pictures(), torch.ones(shape, dtype=torch.float64))


def test_work_is_one_convolution_and_the_mixing_and_the_routing():
    module, (H, W) = operator(bias=False), (7, 6)
    convolution = H * W * 3 * 5 * I * O // 2
    mixing = EXPERTS * 3 * 5 * I * O // 2
    routing = EXPERTS * I
    with FlopCounterMode(display=False) as counter, use(algorithm=AlgorithmName.DIRECT):
        module(pictures()[:1])
    assert module.cost((1, I, H, W)).flop == counter.get_total_flops() == 2 * (convolution + mixing + routing)


def test_every_expert_starts_as_a_convolution_of_its_own():
    torch.manual_seed(0)
    module = CondConv2d(32, 32, 3, experts=4)
    alone = nn.Conv2d(32, 32, 3)
    bound = 1 / (32 * 9) ** 0.5
    for weight in (*module.weight, alone.weight):
        assert weight.abs().max() <= bound
        assert weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.03)
    assert not torch.equal(module.weight[0], module.weight[1])


def test_an_empty_batch_has_an_empty_result_of_the_right_size():
    x = torch.zeros(0, I, 7, 6, dtype=torch.float64)
    assert operator()(x).shape == (0, O, 7, 6)


def test_a_layer_without_gates_of_its_own_takes_those_of_another():
    module, x = operator(routes=False), pictures()
    other = operator()
    other.load_state_dict({**other.state_dict(), **module.state_dict()})
    gates = other.route(x)
    assert_close(module(x, gates), other(x))
    assert set(module.state_dict()) == {"weight", "bias"}
    mixed = module.weight[0].numel() + O
    assert other.cost(x.shape).flop - module.cost(x.shape).flop == 2 * B * EXPERTS * I
    assert module.cost(x.shape).flop == module.settings.cost(x.shape).flop + 2 * B * EXPERTS * mixed
    with pytest.raises(ArgumentError, match="no gates of its own"):
        module(x)
