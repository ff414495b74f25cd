"""The spectral pooling filter as a convolution, and what it does to single waves."""

import pytest
import torch

from circulant.core.tolerances import assert_close
from circulant.operators.spectral.radial_gain import RING
from circulant.operators.spectral.spectral_pooling_filter import SpectralPoolingFilter2d


def mask(H, W, radius, gain):
    """Of the full spectrum, in the order of a transform."""
    rows = torch.fft.fftfreq(H, 1 / H, dtype=torch.float64)[:, None]
    distance = (rows**2 + torch.fft.fftfreq(W, 1 / W, dtype=torch.float64) ** 2).sqrt()
    values = torch.full_like(distance, 1 - gain)
    values[distance < radius], values[distance == radius] = gain, 1 / 3
    return values


def wave(H, W, rows, columns):
    angle = torch.arange(H).double()[:, None] * rows / H + torch.arange(W).double() * columns / W
    return torch.cos(2 * torch.pi * angle + 0.3)[None, None]


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (6, 11), (1, 5)])
@pytest.mark.parametrize("radius", [1, 2, 2.5])
def test_it_is_a_circular_convolution_with_the_real_kernel_of_its_mask(size, radius):
    module = SpectralPoolingFilter2d(2, radius, 0.8)
    kernel = torch.fft.ifft2(mask(*size, radius, 0.8))
    assert kernel.imag.abs().max() < 1e-15
    x = torch.randn(1, 2, *size, dtype=torch.float64)
    y = torch.zeros_like(x)
    for i in range(size[0]):
        for j in range(size[1]):
            y += kernel.real[i, j] * x.roll((i, j), (2, 3))
    assert_close(module(x), y, 1e-10)


def test_a_gain_of_one_half_halves_every_bin_off_the_cutoff_and_keeps_a_third_on_it():
    x = torch.randn(1, 1, 9, 8, dtype=torch.float64)
    ratio = torch.fft.fft2(SpectralPoolingFilter2d(1, 2, 0.5)(x)) / torch.fft.fft2(x)
    expected = mask(9, 8, 2, 0.5)
    assert (expected == 0.5).sum() == 72 - 4
    assert RING == 1 / 3
    assert_close(ratio.real[0, 0], expected, 1e-12)
    assert ratio.imag.abs().max() < 1e-12


@pytest.mark.parametrize("gain", [0.7, 0.8, 0.9])
def test_low_waves_are_scaled_by_the_gain_and_high_ones_by_the_rest(gain):
    module = SpectralPoolingFilter2d(1, 2, gain)
    for low in (wave(12, 15, 0, 0), wave(12, 15, 1, 1), wave(12, 15, -1, 0)):
        assert_close(module(low), gain * low, 1e-12)
    for high in (wave(12, 15, 2, 1), wave(12, 15, 0, 7), wave(12, 15, 6, -5)):
        assert_close(module(high), (1 - gain) * high, 1e-12)
    assert_close(module(wave(12, 15, 0, 2)), wave(12, 15, 0, 2) / 3, 1e-12)


def test_one_module_takes_every_size():
    """The published code pads the stored mask of one size with the high gain: the same for even sizes."""
    module = SpectralPoolingFilter2d(1, 2, 0.7)
    small, large = mask(8, 8, 2, 0.7), mask(14, 12, 2, 0.7)
    padded = torch.nn.functional.pad(torch.fft.fftshift(small), (2, 2, 3, 3), value=1 - 0.7)
    assert_close(torch.fft.ifftshift(padded), large, 1e-15)
    for size in ((14, 12), (56, 56), (13, 30)):
        x = torch.randn(1, 1, *size, dtype=torch.float64)
        assert_close(module(x), torch.fft.ifft2(torch.fft.fft2(x) * mask(*size, 2, 0.7)).real, 1e-10)
