"""What squeeze-and-excitation must hold beyond the contract."""

import numpy as np
import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.operators.gates.squeeze_excitation import BY_NDIM, SqueezeExcitation2d

torch.set_num_threads(1)

RESNET50_BLOCKS = ((256, 56, 3), (512, 28, 4), (1024, 14, 6), (2048, 7, 3))  # channels, height, how many
RESNET50_PARAMETERS = 25_557_032
SPATIAL = {1: (9,), 2: (4, 5), 3: (2, 3, 4)}


def gates_of_resnet50(bias):
    return [
        SqueezeExcitation2d(channels, bias=bias, device="meta")
        for channels, _, count in RESNET50_BLOCKS
        for _ in range(count)
    ]


@pytest.mark.parametrize(("bias", "published"), [(True, 28_088_024), (False, 28_071_976)])
def test_resnet50_with_a_gate_in_each_block_has_the_published_number_of_parameters(bias, published):
    added = sum(value.numel() for gate in gates_of_resnet50(bias) for value in gate.parameters())
    assert RESNET50_PARAMETERS + added == published


def test_resnet50_with_a_gate_in_each_block_takes_the_published_work():
    sizes = [(channels, height) for channels, height, count in RESNET50_BLOCKS for _ in range(count)]
    shapes = [(1, channels, height, height) for channels, height in sizes]
    products = sum(gate.cost(shape).flop / 2 for gate, shape in zip(gates_of_resnet50(True), shapes))
    scalings = sum(channels * height**2 for channels, height in sizes)
    assert round((products + scalings) / 1e9, 3) == 0.008


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_it_equals_four_lines_of_numpy(ndim):
    torch.manual_seed(0)
    module = BY_NDIM[ndim](12, 3, dtype=torch.float64)
    x = torch.randn(3, 12, *SPATIAL[ndim], dtype=torch.float64)
    state = {name: value.numpy() for name, value in module.state_dict().items()}
    mean = x.numpy().reshape(3, 12, -1).mean(-1)
    hidden = np.maximum(mean @ state["reduce.weight"].T + state["reduce.bias"], 0)
    gate = 1 / (1 + np.exp(-(hidden @ state["expand.weight"].T + state["expand.bias"])))
    expected = x.numpy() * gate.reshape(3, 12, *(1,) * ndim)
    assert np.abs(module(x).detach().numpy() - expected).max() < 1e-12


def test_the_gates_lie_between_zero_and_one_and_hold_for_a_whole_channel():
    torch.manual_seed(0)
    x = torch.rand(2, 8, 3, 4, dtype=torch.float64) + 1
    gate = (SqueezeExcitation2d(8, 2, dtype=torch.float64)(x) / x).flatten(2)
    assert gate.min() > 0 and gate.max() < 1
    assert (gate.amax(2) - gate.amin(2)).max() < 1e-15
    assert (gate.mean(2).amax(1) - gate.mean(2).amin(1)).min() > 1e-3


@pytest.mark.parametrize("reduction", [0, 5])
def test_a_reduction_that_leaves_no_channel_is_refused(reduction):
    with pytest.raises(ArgumentError, match="reduction from 1 to channels = 4"):
        SqueezeExcitation2d(4, reduction)
