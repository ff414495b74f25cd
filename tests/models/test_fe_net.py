"""FE-Net: the published sizes, and channels that are mixed in steps."""

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.models.fe_net import FeatureBlock, FENet
from circulant.operators.spatial.sparse_shift import SparseShift2d

PUBLISHED = [(1.0, 1536, 301, 3.7), (1.375, 1932, 563, 5.9)]


def multiply_adds(network: nn.Module, side: int) -> int:
    """Of convolutions and linear maps, counted as they run on the meta device; shifts count nothing."""
    counted = []

    def count(module, inputs, output):
        positions = output.numel() // module.weight.shape[0]
        counted.append(module.weight.numel() * positions)

    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(count)
    network.eval()(torch.empty(1, 3, side, side, device="meta"))
    return sum(counted)


@pytest.mark.parametrize(("width", "head", "million", "parameters"), PUBLISHED)
def test_multiply_adds_and_parameters_are_those_published(width, head, million, parameters):
    with torch.device("meta"):
        network = FENet(width, head=head)
    weights = [m.weight for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert multiply_adds(network, 224) // 1e6 == million
    assert sum(weight.numel() for weight in weights) // 1e5 / 10 == parameters  # norms and shifts not counted


@pytest.mark.parametrize("steps", [3, 4])
def test_each_step_mixes_twice_as_many_of_the_last_channels(steps):
    block = FeatureBlock(16, 16, steps).eval()
    assert [unit.branch[0].in_channels for unit in block.units] == [16 >> s for s in range(steps - 1, 0, -1)]
    seen = []
    block.last.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    x = torch.randn(1, 16, 6, 6)
    block(x)
    assert torch.equal(seen[0][:, :8], x[:, :8])  # the first half waits for the last unit
    changed = [not torch.equal(seen[0][:, c], x[:, c]) for c in range(8, 16)]
    assert all(changed)


def test_units_that_add_nothing_leave_the_channels_in_their_order():
    block = FeatureBlock(8, 8, 4)
    for unit in block.units:
        nn.init.zeros_(unit.branch[-1].weight)
    seen = []
    block.last.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    x = torch.randn(2, 8, 5, 5)
    block(x)
    assert torch.equal(seen[0], x)


def test_the_grid_is_halved_five_times_and_every_shift_learns():
    network = FENet(0.125, classes=5, in_channels=1)
    network(torch.randn(2, 1, 64, 64)).square().sum().backward()
    shifts = [module for module in network.modules() if isinstance(module, SparseShift2d)]
    assert len(shifts) == 16
    assert all(shift.displacement.grad.abs().sum() > 0 for shift in shifts[:-4])
    assert network.body[:-4](torch.randn(1, 1, 64, 64)).shape[2:] == (2, 2)


def test_widths_without_halves_are_refused():
    with pytest.raises(ArgumentError, match="even number"):
        FENet(0.2)
    with pytest.raises(ArgumentError, match="halved 3 times"):
        FeatureBlock(12, 12, 4)
