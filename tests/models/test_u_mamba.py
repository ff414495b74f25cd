"""Residual convolutions, then one sequence of all positions through Mamba; and what the network learns."""

import pytest
import torch
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.models.u_mamba import UMambaBlock, u_mamba
from circulant.train.fit import fit
from circulant.train.recipe import Recipe


@pytest.mark.parametrize("spatial", [(9,), (6, 5), (4, 3, 2)])
def test_the_block_is_convolutions_then_norm_and_mamba_without_a_way_around(spatial):
    block = UMambaBlock(2, 4, len(spatial), states=3).double()
    x = torch.randn(2, 2, *spatial, dtype=torch.float64)
    convolved = block.convolutions(x)
    tokens = nn.functional.layer_norm(
        convolved.flatten(2).transpose(1, 2), (4,), block.norm.norm.weight, block.norm.norm.bias
    )
    expected = block.mamba(tokens.transpose(1, 2)).reshape(2, 4, *spatial)
    assert_close(block(x), expected)
    with torch.no_grad():
        block.mamba.project_out.weight.zero_()
    assert not block(x).any()


def test_the_residual_convolutions_are_two_with_a_linear_shortcut():
    convolutions = UMambaBlock(3, 4, 2).convolutions.double()
    x = torch.randn(2, 3, 5, 6, dtype=torch.float64)

    def normed(values):
        centred = values - values.mean((2, 3), keepdim=True)
        return centred / (values.var((2, 3), keepdim=True, correction=0) + 1e-5).sqrt()

    y = nn.functional.leaky_relu(normed(convolutions.first(x)), 0.01)
    expected = nn.functional.leaky_relu(normed(convolutions.second(y)) + convolutions.shortcut(x), 0.01)
    assert_close(convolutions(x), expected)


@pytest.mark.parametrize("spatial", [(21,), (16, 13), (8, 5, 7)])
def test_every_position_gets_its_logits_whatever_the_size(spatial):
    network = u_mamba(1, 3, (4, 6, 8), len(spatial))
    assert network(torch.randn(2, 1, *spatial)).shape == (2, 3, *spatial)


def test_through_the_bottom_a_corner_reaches_the_opposite_one():
    """Convolutions alone see 39 positions here: instance norms, which would see all, are left out."""
    network = u_mamba(1, 2, (4, 4, 4), 2).double()
    for module in network.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.InstanceNorm2d):
                setattr(module, name, nn.Identity())
    x = torch.randn(1, 1, 64, 64, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(network(x)[0, 0, -1, -1], x)
    assert gradient[0, 0, :8, :8].any()


def blobs(count, side, seed):
    """Noisy pictures (count, 1, side, side) of up to three ellipses, and where they lie."""
    generator = torch.Generator().manual_seed(seed)
    grid = torch.arange(side)[None, None] / side
    inside = torch.zeros(count, side, side, dtype=torch.bool)
    for _ in range(3):
        place, size = torch.rand(2, count, 2, 1, generator=generator)
        row, column = ((grid[:, 0] - place[:, axis]) / (0.08 + 0.12 * size[:, axis]) for axis in (0, 1))
        inside |= row[:, :, None] ** 2 + column[:, None] ** 2 < 1
    noise = torch.randn(count, 1, side, side, generator=generator)
    return inside[:, None].float() + 0.4 * noise, inside.long()


@pytest.mark.slow
def test_the_network_finds_noisy_blobs_with_a_dice_score_above_0_9():
    torch.manual_seed(0)
    network = u_mamba(1, 2, (8, 16, 32), 2)
    x, y = blobs(256, 32, seed=1)
    fit(network, x, y, steps=120, recipe=Recipe(batch=16, learning_rate=3e-3))
    x, y = blobs(64, 32, seed=2)
    with torch.no_grad():
        found = network(x).argmax(1)
    dice = 2 * (found & y).sum() / (found.sum() + y.sum())
    assert dice > 0.9
