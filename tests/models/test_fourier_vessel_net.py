"""Fusion by frequency, and vessels found with global filters."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.sizes import product
from circulant.core.tolerances import assert_close
from circulant.models.fourier_vessel_net import FourierVesselNet3d
from circulant.models.frequency_fusion import FrequencyFusion, frequency_fusion, low_band
from circulant.operators.spectral.global_fourier_filter import GlobalFourierFilter3d
from circulant.train.dice import dice, dice_cross_entropy
from circulant.train.fit import fit
from circulant.train.recipe import Recipe

SPATIALS = [(9,), (8, 7), (6, 5, 8)]
COMPLEX_PRODUCT = 6  # flop, beside what is counted for transforms


@pytest.mark.parametrize("spatial", SPATIALS)
def test_fusion_has_no_parameters_and_gives_back_what_both_sides_agree_on(spatial):
    x = torch.randn(2, 3, *spatial, dtype=torch.float64)
    join = FrequencyFusion()
    assert list(join.parameters()) == []
    assert_close(join(x, x), x)


@pytest.mark.parametrize("spatial", SPATIALS)
def test_fusion_takes_low_frequencies_of_the_decoder_and_the_rest_of_the_encoder(spatial):
    x, skip = (torch.randn(2, 3, *spatial, dtype=torch.float64) for _ in range(2))
    axes = tuple(range(2, x.ndim))
    is_low = torch.ones(spatial, dtype=torch.bool)
    for axis, n in enumerate(spatial):
        frequency = torch.fft.fftfreq(n).abs() <= 0.25
        is_low &= frequency.reshape(-1, *(1,) * (len(spatial) - axis - 1))
    spectrum = torch.where(is_low, torch.fft.fftn(x, dim=axes), torch.fft.fftn(skip, dim=axes))
    expected = torch.fft.ifftn(spectrum, dim=axes)
    assert expected.imag.abs().max() < 1e-12
    assert_close(frequency_fusion(x, skip), expected.real)


def test_a_band_of_one_takes_all_from_the_decoder():
    assert bool(low_band((6, 5), 1.0).all())
    assert int(low_band((6, 5), 0.0).sum()) == 1  # the mean alone


def test_fusion_refuses_what_does_not_fit():
    with pytest.raises(ShapeError, match="crop it or map"):
        frequency_fusion(torch.zeros(1, 2, 4), torch.zeros(1, 2, 5))
    with pytest.raises(ArgumentError, match="share of the frequencies"):
        FrequencyFusion(1.5)


def large_kernels(channels, spatial):
    return nn.Sequential(
        nn.Conv3d(channels, channels, 7, padding=3, groups=channels), nn.Conv3d(channels, channels, 1)
    )


def counted_flop(network, x):
    """With the products of spectra, which a counter takes for elementwise work."""
    products = []

    def record(module, inputs):
        *lead, last = inputs[0].shape
        products.append(COMPLEX_PRODUCT * product(lead) * (last // 2 + 1))

    for module in network.modules():
        if isinstance(module, GlobalFourierFilter3d):
            module.register_forward_pre_hook(record)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(x)
    return counter.get_total_flops() + sum(products)


def test_it_takes_less_arithmetic_than_seven_cubed_depthwise_kernels():
    x = torch.zeros(1, 1, 32, 32, 32)
    filters = FourierVesselNet3d(1, 1, grid=32, width=8)
    kernels = FourierVesselNet3d(1, 1, grid=32, width=8, mixing=large_kernels)
    assert 2 * counted_flop(filters, x) < counted_flop(kernels, x)


def test_any_volume_that_can_be_halved_is_taken():
    network = FourierVesselNet3d(1, 2, grid=8, width=4)
    assert network(torch.zeros(1, 1, 8, 12, 16)).shape == (1, 2, 8, 12, 16)
    with pytest.raises(ArgumentError, match="leave a grid"):
        FourierVesselNet3d(1, 2, grid=8, levels=4)


def tubes(count, n, seed):
    """Noisy volumes (count, 1, n, n, n) of branching tubes that grow thinner, and where the tubes are."""
    generator = torch.Generator().manual_seed(seed)
    grid = torch.stack(torch.meshgrid(*[torch.arange(n).float()] * 3, indexing="ij"), -1)
    masks = []
    for _ in range(count):
        inside = torch.zeros(n, n, n, dtype=torch.bool)
        tips, radius = [n * (0.3 + 0.4 * torch.rand(3, generator=generator))], 2.2
        for _ in range(3):
            grown = []
            for tip in (tip for tip in tips for _ in range(2)):
                way = nn.functional.normalize(torch.randn(3, generator=generator), dim=0) * 0.35 * n
                along = ((grid - tip) @ way / (way @ way)).clamp(0, 1)
                inside |= (grid - tip - along[..., None] * way).norm(dim=-1) <= radius
                grown.append(tip + way)
            tips, radius = grown, 0.75 * radius
        masks.append(inside[None].float())
    mask = torch.stack(masks)
    return mask + 0.5 * torch.randn(mask.shape, generator=generator), mask


@pytest.mark.slow
def test_branching_tubes_are_found_in_noise():
    x, mask = tubes(24, 16, seed=0)
    unseen, wanted = tubes(8, 16, seed=1)
    torch.manual_seed(0)
    network = FourierVesselNet3d(1, 1, grid=16, width=8)
    fit(network, x, mask, steps=150, loss=dice_cross_entropy, recipe=Recipe(batch=4))
    with torch.no_grad():
        found = network(unseen) > 0
    assert dice(found, wanted).mean() >= 0.8
    assert dice(unseen > 0.5, wanted).mean() < 0.6  # a threshold does not solve it
