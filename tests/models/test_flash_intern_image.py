"""FlashInternImage: the published sizes, and a small one that learns."""

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.models import flash_intern_image
from circulant.models.flash_intern_image import FlashInternDesign, FlashInternImage
from circulant.operators.dynamic.deformable_conv2d_v4 import DeformableConv2dV4


@pytest.mark.parametrize(("size", "million"), [("T", 30), ("S", 50), ("B", 97), ("L", 223)])
def test_parameters_are_as_published(size, million):
    with torch.device("meta"):
        network = FlashInternImage(getattr(flash_intern_image, f"FLASH_INTERN_IMAGE_{size}"))
    count = sum(parameter.numel() for parameter in network.parameters())
    assert round(count / 1e6) == million


@pytest.mark.parametrize("post_norm", [False, True])
def test_it_maps_pictures_of_any_size_to_logits_and_every_parameter_learns(post_norm):
    torch.manual_seed(0)
    scale = 0.5 if post_norm else None
    network = FlashInternImage(FlashInternDesign(16, (1, 1), 1.0, post_norm, scale, 3), classes=5)
    for module in network.modules():
        if isinstance(module, DeformableConv2dV4):
            nn.init.normal_(module.sampling.weight, std=0.1)
    y = network(torch.randn(2, 3, 37, 42))
    assert y.shape == (2, 5)
    y.square().sum().backward()
    silent = [name for name, parameter in network.named_parameters() if not parameter.grad.any()]
    assert silent == []


def test_its_blocks_are_as_many_as_the_depths_say():
    network = FlashInternImage(FlashInternDesign(16, (2, 1, 3)))
    assert sum(isinstance(module, DeformableConv2dV4) for module in network.modules()) == 6


def test_widths_that_do_not_hold_whole_groups_are_refused():
    with pytest.raises(ArgumentError, match="a multiple of 16, got"):
        FlashInternImage(FlashInternDesign(24, (1,)))
