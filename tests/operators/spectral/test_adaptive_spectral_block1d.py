"""The adaptive spectral block as circular convolution, its mask, and what the mask is good for."""

from math import log10

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call

from circulant.core.tolerances import assert_close
from circulant.operators.spectral.adaptive_spectral_block1d import AdaptiveSpectralBlock1d


def built(channels, all_gain=None, strong_gain=None, threshold=None):
    torch.manual_seed(0)
    module = AdaptiveSpectralBlock1d(channels, dtype=torch.float64)
    with torch.no_grad():
        for gain, value in ((module.gain_all, all_gain), (module.gain_strong, strong_gain)):
            if value is not None:
                gain.copy_(torch.tensor([value, 0.0]))
        if threshold is not None:
            module.threshold.fill_(threshold)
    return module


def drawn(*shape):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("length", [1, 2, 9, 16])
def test_unit_gain_on_all_bins_and_none_on_the_strong_is_the_identity(length):
    x = drawn(2, 3, length)
    assert_close(built(3, 1.0, 0.0)(x), x, 1e-6)


@pytest.mark.parametrize("length", [9, 16])
def test_while_the_mask_stays_it_is_a_circular_convolution(length):
    module, x = built(3), drawn(1, 3, length)
    mask = module.mask(x)
    bins = torch.arange(length // 2 + 1, dtype=torch.float64)
    angle = 2 * torch.pi * bins[:, None] * torch.arange(length) / length
    double = 1 + ((bins > 0) & (2 * bins < length)).double()
    gain = module.gain_all[:, None] + mask[0, :, None] * module.gain_strong[:, None]
    imaginary = gain[..., 1] * ((bins > 0) & (2 * bins < length))
    kernel = (double * gain[..., 0]) @ angle.cos() - (double * imaginary) @ angle.sin()
    index = (torch.arange(length)[:, None] - torch.arange(length)) % length
    expected = torch.einsum("clm,bcm->bcl", kernel[:, index] / length, x)
    assert_close(module(x), expected)


def test_the_mask_marks_bins_stronger_than_so_many_medians():
    module, x = built(2, threshold=3.0), drawn(4, 2, 32)
    power = torch.fft.rfft(x, norm="ortho").abs().square().sum(1)
    assert torch.equal(module.mask(x) == 1, power > 3 * power.median(1, keepdim=True).values)
    assert 0 < module.mask(x).mean() < 0.5


def test_the_threshold_learns_by_a_straight_through_estimate():
    module, x, cotangent = built(3), drawn(2, 3, 16), drawn(2, 3, 16) * 2
    (module(x) * cotangent).sum().backward()
    only_strong = built(3, 0.0)
    with torch.no_grad():
        only_strong.threshold.fill_(-1.0)  # every bin is strong
    expected = (only_strong(x) * cotangent).sum()
    assert module.threshold.grad.item() == pytest.approx(expected.item())
    assert abs(module.threshold.grad.item()) > 1e-3


def test_all_other_gradients_are_derivatives():
    module, x = built(2, threshold=0.7), drawn(1, 2, 6)

    def function(x, gain_all, gain_strong):
        return functional_call(module, {"gain_all": gain_all, "gain_strong": gain_strong}, (x,))

    module.threshold.requires_grad_(False)
    leaves = [t.detach().clone().requires_grad_() for t in (x, module.gain_all, module.gain_strong)]
    assert gradcheck(function, leaves)
    assert gradgradcheck(function, leaves)


@torch.no_grad()
def decibel(signal, got):
    """Of the signal over what differs from it, the best scale granted."""
    scale = (got * signal).sum() / signal.square().sum()
    return 10 * log10((scale * signal).square().sum() / (got - scale * signal).square().sum())


def test_a_high_threshold_frees_a_tone_of_noise_and_a_low_one_hardly():
    tone = torch.sin(2 * torch.pi * 10 * torch.arange(256, dtype=torch.float64) / 256).expand(64, 1, -1)
    noisy = tone + 0.5 * drawn(64, 1, 256)
    unmasked = decibel(tone, built(1, 1.0, 0.0)(noisy))
    low, high, higher = (decibel(tone, built(1, 0.0, 1.0, threshold)(noisy)) for threshold in (0.5, 4.0, 8.0))
    print(f"unmasked {unmasked:.1f} dB; threshold 0.5: {low:.1f}, 4: {high:.1f}, 8: {higher:.1f}")
    assert low < unmasked + 1
    assert high > unmasked + 4
    assert higher > high
