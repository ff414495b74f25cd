"""The spectral path of the enhancement: what it keeps, what it raises, and what it is good for."""

import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool2d

from circulant.core.tolerances import assert_close
from circulant.data.scenes import scene_patches
from circulant.operators.spectral.fourier_enhancement2d import FourierEnhancement2d
from circulant.train.fit import fit
from circulant.train.recipe import Recipe


def with_identities(channels, bends_spectrum):
    """Convolutions over the bins that do nothing."""
    module = FourierEnhancement2d(channels, 1, bends_spectrum=bends_spectrum, dtype=torch.float64)
    with torch.no_grad():
        for part in (module.magnitude, module.phase):
            part.weight.zero_()
            part.weight[:, :, 1, 1] = torch.eye(channels)
            part.bias.zero_()
    return module


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (6, 5), (1, 4)])
def test_the_spectral_path_gives_back_its_input_without_silu_and_cannot_with_it(size):
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    assert_close(with_identities(3, False).spectral_path(x), x, 1e-10)
    assert (with_identities(3, True).spectral_path(x) - x).abs().max() > 0.1


def test_a_gain_on_bins_of_high_radius_raises_those_bins_and_no_other():
    module = with_identities(2, False)
    H, W = 12, 10
    rows = torch.minimum(torch.arange(H), H - torch.arange(H))[:, None]
    far = rows**2 + torch.arange(W // 2 + 1) ** 2 > 16

    class Raise(nn.Module):
        def forward(self, magnitude):
            return torch.where(far, 1.7, 1.0) * magnitude

    module.magnitude = Raise()
    x = torch.randn(1, 2, H, W, dtype=torch.float64)
    ratio = torch.fft.rfft2(module.spectral_path(x)) / torch.fft.rfft2(x)
    assert_close(ratio.real, torch.where(far, 1.7, 1.0).double().expand_as(ratio.real), 1e-6)
    assert ratio.imag.abs().max() < 1e-10


def test_derivatives_are_finite_for_a_silent_channel():
    module = FourierEnhancement2d(4, 2)
    with torch.no_grad():
        module.first.weight.zero_()
        module.first.bias.zero_()
    x = torch.randn(1, 4, 6, 6, requires_grad=True)
    module(x).sum().backward()
    assert x.grad.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in module.parameters())


def test_the_block_has_the_parameters_of_the_published_one():
    """Five 3x3 convolutions, one 1x1, a fusing one and the norm, at 1280 channels."""
    with torch.device("meta"):
        module = FourierEnhancement2d(1280)
    counted = sum(parameter.numel() for parameter in module.parameters())
    assert counted == 5 * (9 * 1280**2 + 1280) + (1280**2 + 1280) + (2 * 1280**2 + 1280) + 2 * 1280


def _high_frequency_error(enhanced):
    """Energy above a quarter of a cycle per sample that a small network leaves wrong on unseen patches."""
    sharp, unseen = (torch.from_numpy(scene_patches(24, count, count)) for count in (220, 88))

    def blurred(pictures):
        return avg_pool2d(pictures, 3, 1, 1, count_include_pad=False)

    torch.manual_seed(0)
    middle = FourierEnhancement2d(8) if enhanced else nn.Identity()
    network = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.SiLU(), middle, nn.Conv2d(8, 1, 3, padding=1))
    recipe = Recipe(learning_rate=3e-3, weight_decay=0.0)
    fit(network, blurred(sharp), sharp, steps=200, loss=nn.functional.mse_loss, recipe=recipe)
    with torch.no_grad():
        error = torch.fft.fft2(network(blurred(unseen)) - unseen).abs().square()
    frequency = torch.fft.fftfreq(24).abs()
    return error[..., torch.maximum(frequency[:, None], frequency) > 0.25].mean().item()


@pytest.mark.slow
def test_fine_detail_of_blurred_photographs_is_restored_better_with_it():
    assert _high_frequency_error(True) < 0.98 * _high_frequency_error(False)
