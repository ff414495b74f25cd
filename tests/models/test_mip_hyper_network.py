"""The encoding has one norm, and so has what a hypernetwork makes of it; of gamma itself it does not."""

from math import sqrt

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.models.mip_hyper_network import MipHyperNetwork, encode_circle, leaky_mlp

CONV = (32, 16, 3, 3)
SHAPES = {"conv.weight": CONV, "conv.bias": (32,), "scale": ()}


@pytest.mark.parametrize("d", [1, 2, 7])
def test_the_encoding_has_the_same_norm_everywhere(d):
    gamma = torch.rand(1000, d, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    code = encode_circle(torch.cat([gamma, torch.zeros(1, d), torch.ones(1, d)]))
    assert code.shape == (1002, 2 * d)
    assert (code.norm(dim=1) - sqrt(d)).abs().max() < 1e-12
    assert_close(code[-2:], torch.tensor([[1.0] * d + [0.0] * d, [0.0] * d + [1.0] * d]).double())


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_at_first_the_norm_of_a_kernel_hardly_depends_on_gamma(seed):
    torch.manual_seed(seed)
    network = MipHyperNetwork(1, SHAPES)
    kernels = network(torch.linspace(0, 1, 101)[:, None])["conv.weight"]
    norms = kernels.flatten(1).norm(dim=1)
    print(f"spread {((norms.max() - norms.min()) / norms.mean()).item():.4f}")
    assert kernels.shape == (101, *CONV)
    assert (norms.max() - norms.min()) / norms.mean() < 0.05


def test_with_gamma_itself_as_the_input_the_norm_is_proportional_to_it():
    torch.manual_seed(0)
    plain = leaky_mlp((1, 16, 128, 32 * 16 * 9)).double()
    gamma = torch.logspace(-3, 0, 31, dtype=torch.float64)[:, None]
    norms = plain(gamma).norm(dim=1)
    logs = torch.stack([gamma[:, 0].log(), torch.ones(31, dtype=torch.float64)], 1)
    slope = torch.linalg.lstsq(logs, norms.log()[:, None]).solution[0].item()
    assert abs(slope - 1) < 1e-6


def test_start_is_kaimings_for_kernels_and_zero_for_the_rest_and_can_be_set():
    torch.manual_seed(0)
    network = MipHyperNetwork(2, SHAPES, (8,))
    start = network.start
    assert {name: tuple(value.shape) for name, value in start.items()} == SHAPES
    assert start["conv.weight"].std().item() == pytest.approx(sqrt(2 / (16 * 9)), rel=0.03)
    assert start["conv.bias"].abs().max() == start["scale"] == 0
    own = {name: torch.randn(shape) for name, shape in SHAPES.items()}
    network.set_start(own)
    nn.init.zeros_(network.map[-1].weight)
    made = network(torch.tensor([0.3, 0.8]))
    assert all(torch.equal(made[name], own[name]) for name in SHAPES)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ArgumentError, match="1 input or more"):
        MipHyperNetwork(0, SHAPES)
    network = MipHyperNetwork(2, SHAPES)
    with pytest.raises(ShapeError, match="d = 2"):
        network(torch.zeros(3))
    with pytest.raises(ShapeError, match="of shapes"):
        network.set_start({"scale": torch.zeros(())})
