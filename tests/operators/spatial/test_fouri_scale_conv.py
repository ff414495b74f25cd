"""Dilated kernels on low-passed inputs: what the kernel did to a smaller input."""

import math

import pytest
import torch
import torch.nn.functional as F

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.spatial.fouri_scale_conv import (
    FouriScaleConv1d,
    FouriScaleConv2d,
    LowPass,
    decayed_scale,
    low_pass_gains,
)

KIND = {"dtype": torch.float64, "padding_mode": "circular"}


@pytest.mark.parametrize("scale", [2, 3])
@pytest.mark.parametrize("low_pass", [None, *LowPass])
def test_every_nth_sample_is_the_kernel_on_every_nth_sample_of_the_input(scale, low_pass):
    conv = FouriScaleConv2d(2, 3, 3, padding=1, scale=scale, low_pass=low_pass, **KIND)
    plain, x = conv.to_conv(), torch.randn(2, 2, 12, 18, dtype=torch.float64)
    filtered = x if low_pass is None else conv._filtered(x, low_pass)
    every = (..., slice(None, None, scale), slice(None, None, scale))
    assert_close(conv(x)[every], plain(filtered[every]), 1e-12)


def test_scale_one_is_torchs_layer_bit_for_bit():
    conv, x = FouriScaleConv2d(2, 3, 3, 2, 1, native=8), torch.randn(2, 2, 9, 14)
    assert torch.equal(conv(x), conv.to_conv()(x))


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("size", [24, 25])
def test_the_ideal_filter_leaves_low_frequencies_untouched_and_nothing_else(scale, size):
    conv = FouriScaleConv2d(1, 1, 1, scale=scale, low_pass=LowPass.IDEAL, dtype=torch.float64)
    x = torch.randn(1, 1, size, size, dtype=torch.float64)
    before, after = torch.fft.fft2(x), torch.fft.fft2(conv._filtered(x, LowPass.IDEAL))
    low = torch.fft.fftfreq(size, dtype=torch.float64).abs() <= 0.5 / scale + 1e-12
    inside = low[:, None] & low
    assert_close(after[..., inside].abs(), before[..., inside].abs(), 1e-12)
    assert_close(torch.view_as_real(after[..., inside]), torch.view_as_real(before[..., inside]), 1e-12)
    assert after[..., ~inside].abs().max() < 1e-12 * before.abs().max()


def published(frequency, size, scale, floor, weak):
    """By the released formula, number by number."""
    half = size // 2
    ramp = (scale - 1) * size // (2 * scale) if weak else max(size // 8, 1)
    if ramp == 0:
        return 1.0
    return min(max((1 - floor) / ramp * (half / scale + 1 - frequency) + 1, floor), 1.0)


@pytest.mark.parametrize("floor", [0.0, 0.6])
@pytest.mark.parametrize("kind", [LowPass.SOFT, LowPass.WEAK])
@pytest.mark.parametrize("sizes", [(32, 48), (7, 5), (64, 4)])
@pytest.mark.parametrize("scales", [(2.0, 2.0), (1.0, 3.5), (4.0, 1.2)])
def test_gains_are_those_of_the_formula_alike_for_both_signs_and_keep_the_mean(floor, kind, sizes, scales):
    gains = low_pass_gains(sizes, scales, kind, floor, torch.zeros((), dtype=torch.float64))[0]
    H, W = sizes
    for h in range(H):
        for w in range(W // 2 + 1):
            row = published(min(h, H - h), H, scales[0], floor, kind is LowPass.WEAK)
            wanted = row * published(w, W, scales[1], floor, kind is LowPass.WEAK)
            assert math.isclose(gains[h, w], wanted, abs_tol=1e-12)
            assert gains[h, w] == gains[-h % H, w]
    assert gains[0, 0] == 1


def test_the_filtered_input_is_real_and_keeps_its_mean():
    conv = FouriScaleConv2d(2, 2, 3, scale=2, dtype=torch.float64)
    x = torch.randn(1, 2, 16, 24, dtype=torch.float64)
    gains = low_pass_gains((16, 24), (2.0, 2.0), LowPass.SOFT, 0.0, x)[0]
    whole = torch.cat([gains, gains[torch.arange(16).neg() % 16][:, 1:12].flip(1)], 1)
    y = torch.fft.ifft2(torch.fft.fft2(x) * whole)
    assert y.imag.abs().max() < 1e-12
    assert_close(conv._filtered(x, LowPass.SOFT), y.real, 1e-12)
    assert_close(conv._filtered(x, LowPass.SOFT).mean((2, 3)), x.mean((2, 3)), 1e-10)


def test_inputs_of_another_aspect_are_padded_at_the_end_and_cropped():
    conv = FouriScaleConv2d(1, 1, 1, scale=2, native=(8, 8), dtype=torch.float64)
    x = torch.randn(1, 1, 16, 11, dtype=torch.float64)
    whole = FouriScaleConv2d(1, 1, 1, scale=2, dtype=torch.float64)._filtered(F.pad(x, (0, 5)), LowPass.SOFT)
    assert_close(conv._filtered(x, LowPass.SOFT), whole[..., :11], 1e-12)


def test_three_branches_pass_the_strong_and_the_weak_filter_with_their_own_dilations():
    conv = FouriScaleConv2d(1, 1, 3, padding=1, scale=4, floor=0.6, branches=True, weak_divisor=1.5)
    x = torch.randn(3, 1, 16, 16)
    strong = FouriScaleConv2d.from_conv(conv.to_conv(), scale=4, floor=0.6)
    weak = F.conv2d(strong._filtered(x[2:], LowPass.WEAK), conv.weight, conv.bias, 1, 3, 3)
    assert_close(conv(x), torch.cat([strong(x[:2]), weak]), 1e-5)


def test_the_filter_of_a_strided_layer_is_as_much_wider():
    conv = FouriScaleConv1d(1, 1, 3, 2, 1, scale=4, low_pass=LowPass.IDEAL, dtype=torch.float64)
    x = torch.randn(1, 1, 32, dtype=torch.float64)
    spectrum = torch.fft.rfft(conv._filtered(x, LowPass.IDEAL)).abs()[0, 0]
    assert (spectrum > 1e-9).tolist() == [k <= 8 for k in range(17)]


def test_the_scale_falls_over_the_steps():
    scales = [decayed_scale(4, step, 20, 35) for step in (0, 20, 25, 30, 35, 49)]
    assert scales == pytest.approx([4, 4, 3, 2, 1, 1])
    with pytest.raises(ArgumentError, match=r"floor from 0 to 1, got 2, 1\.0 and 1\.5"):
        FouriScaleConv2d(1, 1, 1, scale=2, floor=1.5)
