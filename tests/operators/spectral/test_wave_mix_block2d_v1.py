import pywt
import torch

from circulant.core.tolerances import assert_close
from circulant.operators.spectral.haar_dwt import haar_pyramid
from circulant.operators.spectral.wave_mix_block2d_v1 import WaveMixBlock2dV1


def parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameters_are_those_of_the_formula():
    C, hidden, m = 16, 16, 2
    ups = sum(hidden * (C // 4) * (2**level + 2) ** 2 + C // 4 for level in (1, 2, 3, 4))
    expected = C * C // 4 + C // 4 + m * C * (C + 1) + hidden * (m * C + 1) + ups + 28 * C
    assert parameters(WaveMixBlock2dV1(C, 4, expansion=m, hidden=hidden)) == expected == 32_068


def test_every_level_holds_the_bands_of_pywavelets_and_all_the_energy():
    x = torch.randn(16, 32, dtype=torch.float64)
    levels = haar_pyramid(x[None, None], 4)
    low, *details = pywt.wavedec2(x.numpy(), "haar", level=4)
    for bands, (rows, columns, both) in zip(levels, reversed(details)):
        assert_close(bands[0, 1:], torch.stack([torch.from_numpy(b) for b in (columns, rows, both)]), 1e-10)
    assert_close(levels[-1][0, 0], torch.from_numpy(low), 1e-10)
    energy = levels[-1].square().sum() + sum(bands[:, 1:].square().sum() for bands in levels[:-1])
    assert_close(energy, x.square().sum(), 1e-12)


def test_four_levels_see_at_least_16_samples_along_each_axis():
    block = WaveMixBlock2dV1(4, dtype=torch.float64).eval()
    x = torch.randn(1, 4, 64, 64, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(block(x)[0, :, 32, 32].sum(), x)
    felt = slope[0].abs().sum(0) > 0
    assert felt.any(1).sum() >= 16
    assert felt.any(0).sum() >= 16
