"""Ink that only shows against the whole sheet."""

import pytest
import torch
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.models.vffc_ink_segmenter import VFFCInkSegmenter, standardised
from circulant.operators.spectral.volumetric_ffc import VolumetricFFC3d
from circulant.train.dice import dice, dice_cross_entropy
from circulant.train.fit import fit
from circulant.train.recipe import Recipe

SMALL = {"widths": (8, 16), "depths": (1, 1), "blocks": 1}


def test_a_volume_gives_a_flat_map_of_its_size():
    network = VFFCInkSegmenter(classes=2, mixing=lambda c: VolumetricFFC3d(c, local_unit=False), **SMALL)
    assert network(torch.zeros(1, 1, 3, 16, 24)).shape == (1, 2, 16, 24)


def test_by_default_it_is_the_published_network():
    with torch.device("meta"):
        network = VFFCInkSegmenter()
    convolutions = [module for module in network.levels.modules() if isinstance(module, nn.Conv3d)]
    assert len([conv for conv in convolutions if conv.kernel_size == (3, 3, 3)]) + 2 == 34  # stem, classifier
    mixers = [module for module in network.modules() if isinstance(module, VolumetricFFC3d)]
    assert len(mixers) == 2 * 3
    assert all(mixer.split == [128, 384] and mixer.spectral.local_unit is not None for mixer in mixers)


def test_neither_offset_nor_contrast_of_a_scan_matters():
    torch.manual_seed(0)
    network = VFFCInkSegmenter(mixing=lambda c: nn.Conv3d(c, c, 1), **SMALL).double().eval()
    x = torch.randn(2, 1, 2, 16, 16, dtype=torch.float64)
    assert_close(network(5 * x + 3), network(x), 1e-5)  # the variance is kept from zero
    assert_close(standardised(x).var((1, 2, 3, 4), correction=0), torch.ones(2, dtype=torch.float64), 1e-5)


def sheets(count, n, depth, seed):
    """Layers of fibres, periodic in a phase of their own; where there is ink their contrast is inverted.

    Away from its border ink looks like fibres elsewhere: only the sheet as a whole tells them apart.
    """
    generator = torch.Generator().manual_seed(seed)
    row, column = torch.meshgrid(torch.arange(n).float(), torch.arange(n).float(), indexing="ij")
    volumes, maps = [], []
    for _ in range(count):
        down, right = n / 4 + n / 2 * torch.rand(2, generator=generator)
        phases = torch.rand(depth, 1, 1, generator=generator)
        ink = (((row - down).abs() < n / 4) & ((column - right).abs() < n / 4)).float()
        fibres = torch.cos(2 * torch.pi * (row / 16 + phases))
        noise = 0.7 * torch.randn(depth, n, n, generator=generator)
        volumes.append((fibres * (1 - 2 * ink) + noise)[None])
        maps.append(ink[None])
    return torch.stack(volumes), torch.stack(maps)


def found(mixing):
    """Mean Dice on unseen sheets."""
    x, y = sheets(48, 96, 2, seed=0)
    unseen, wanted = sheets(16, 96, 2, seed=1)
    torch.manual_seed(0)
    network = VFFCInkSegmenter(widths=(32,), depths=(1,), blocks=1, mixing=mixing)
    recipe = Recipe(batch=4, learning_rate=3e-3)
    fit(network, x, y, steps=120, loss=dice_cross_entropy, recipe=recipe)
    with torch.no_grad():
        return dice(network(unseen) > 0, wanted).mean().item()


@pytest.mark.slow
def test_fourier_convolutions_find_faint_ink_on_periodic_fibres_better_than_kernels():
    kernels = found(lambda channels: nn.Conv3d(channels, channels, 3, padding=1, bias=False))
    assert found(VolumetricFFC3d) > kernels + 0.03
