"""SESR has the size and the arithmetic of the published networks, and beats bicubic interpolation."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from circulant.data.restoration import HELD_OUT_SCENES, bicubic, psnr, super_resolution_pairs
from circulant.models.sesr import SESR, SESR_M3, SESR_M5, SESR_M7, SESR_M11, SESR_XL, SESRDesign
from circulant.optimise.collapse_linear_blocks import collapse_linear_blocks
from circulant.train.fit import fit
from circulant.train.recipe import Recipe

BORDER = 4  # pixels that depend on what lies outside the crop
COLLAPSED_WEIGHTS = [
    (2, SESR_M3, 8_912), (2, SESR_M5, 13_520), (2, SESR_M7, 18_128), (2, SESR_M11, 27_344),
    (2, SESR_XL, 105_376), (4, SESR_M5, 18_320),
]  # fmt: skip


def on_meta(factor, design=SESR_M5, expanded=False):
    with torch.device("meta"):
        return SESR(factor, design, expanded=expanded)


def multiply_adds(network, *shape):
    with FlopCounterMode(display=False) as counter:
        network(torch.empty(shape, device="meta"))
    return counter.get_total_flops() // 2


@pytest.mark.parametrize(("factor", "design", "published"), COLLAPSED_WEIGHTS)
def test_collapsed_weights_are_as_many_as_published(factor, design, published):
    network = collapse_linear_blocks(on_meta(factor, design)).module
    convs = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    assert sum(conv.weight.numel() for conv in convs) == published


@pytest.mark.parametrize(("factor", "published"), [(2, 3.115e9), (4, 1.055e9)])
def test_multiply_adds_for_720p_are_as_published(factor, published):
    network = collapse_linear_blocks(on_meta(factor)).module
    assert multiply_adds(network, 1, 1, 720 // factor, 1280 // factor) == pytest.approx(published, rel=5e-4)


def test_a_forward_pass_of_training_is_23_times_cheaper_collapsed():
    shape = (32, 1, 64, 64)
    assert multiply_adds(on_meta(2, expanded=True), *shape) == pytest.approx(41.78e9, rel=2e-4)
    assert multiply_adds(on_meta(2), *shape) == pytest.approx(1.776e9, rel=5e-4)


def test_collapsing_by_impulses_as_published_costs_more_than_by_a_product():
    network, total = on_meta(2), 13_520 * 32 * 64 * 64
    for block in (network.first, *network.body[::2], network.last):
        O, I, K, _ = block.collapsed_kernel().weight.shape
        impulses = nn.Sequential(nn.Conv2d(I, 256, K, device="meta"), nn.Conv2d(256, O, 1, device="meta"))
        total += multiply_adds(impulses, I, I, 2 * K - 1, 2 * K - 1)
    assert total == pytest.approx(1.84e9, rel=2e-3)
    assert multiply_adds(network, 32, 1, 64, 64) < total


def test_all_three_forms_agree_after_training():
    torch.manual_seed(0)
    network = SESR(2, SESRDesign(2, 4, 16)).double()
    x, y = torch.rand(8, 1, 8, 8).double(), torch.rand(8, 1, 16, 16).double()
    losses = fit(network, x, y, steps=5, loss=nn.functional.l1_loss)
    trained = network(x)
    for block in (network.first, *network.body[::2], network.last):
        assert block.narrow.bias.any()
        block.expanded = True
    assert losses[-1] < losses[0]
    assert (network(x) - trained).abs().max() < 1e-12
    rewrite = collapse_linear_blocks(network)
    assert [each.name for each in rewrite.replaced] == ["first", "body.0", "body.2", "last"]
    assert (network(x) - trained).abs().max() < 1e-12
    assert not network.first.training
    rewrite.undo()
    assert (network(x) - trained).abs().max() < 1e-12


@pytest.mark.slow
def test_on_pictures_it_has_not_seen_it_beats_bicubic_interpolation():
    pairs = super_resolution_pairs(2, 16, 1500, 0)
    held_out = super_resolution_pairs(2, 40, 12, 1, HELD_OUT_SCENES)
    torch.manual_seed(0)
    network = SESR(2)
    x, y = torch.from_numpy(pairs.x), torch.from_numpy(pairs.y)
    recipe = Recipe(batch=16, weight_decay=0.0, learning_rate=2e-3)
    fit(network, x, y, steps=400, loss=nn.functional.l1_loss, recipe=recipe)
    with torch.no_grad():
        restored = collapse_linear_blocks(network).module(torch.from_numpy(held_out.x)).numpy()
    interpolated = bicubic(held_out.x, *held_out.y.shape[2:])
    gain = psnr(restored, held_out.y, BORDER) - psnr(interpolated, held_out.y, BORDER)
    assert gain > 0.5  # dB
