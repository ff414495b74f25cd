import pytest
import pywt
import torch
import torch.nn.functional as F

from circulant.core.errors import ShapeError
from circulant.core.tolerances import assert_close
from circulant.models.wave_mix import WaveMix
from circulant.operators.spectral.haar_dwt import HaarDWT1d, HaarDWT2d, HaarDWT3d
from circulant.operators.spectral.wave_mix_block2d import WaveMixBlock2d


def parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


def reach(block, side=32):
    """Rows and columns of the input that the middle of the output feels."""
    x = torch.randn(1, block.channels, side, side, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(block(x)[0, :, side // 2, side // 2].sum(), x)
    felt = slope[0].abs().sum(0) > 0
    return int(felt.any(1).sum()), int(felt.any(0).sum())


def test_the_transform_is_a_strided_convolution_with_halves():
    x = torch.randn(2, 3, 8, 6, dtype=torch.float64)
    rows = torch.tensor([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]) / 2
    kernel = rows.double().reshape(4, 1, 2, 2).repeat(3, 1, 1, 1)
    layer = HaarDWT2d()
    assert_close(layer(x), F.conv2d(x, kernel, stride=2, groups=3), 1e-12)
    assert abs(layer(x).square().sum() / x.square().sum() - 1) < 1e-12
    assert_close(layer.inverse(layer(x)), x, 1e-12)


def test_the_transform_is_that_of_pywavelets():
    x = torch.randn(6, 8, dtype=torch.float64)
    low, (rows, columns, both) = pywt.dwt2(x.numpy(), "haar")
    expected = torch.stack([torch.from_numpy(band) for band in (low, columns, rows, both)])
    assert_close(HaarDWT2d()(x[None, None])[0], expected, 1e-12)


@pytest.mark.parametrize(("layer", "sizes"), [(HaarDWT1d(), (8,)), (HaarDWT3d(), (4, 2, 6))])
def test_other_numbers_of_axes_keep_energy_and_lead_back(layer, sizes):
    x = torch.randn(2, 3, *sizes, dtype=torch.float64)
    assert layer(x).shape == (2, 3 * 2 ** len(sizes), *(n // 2 for n in sizes))
    assert_close(layer.inverse(layer(x)), x, 1e-12)
    assert_close(layer(x).square().sum(), x.square().sum(), 1e-12)


def test_bands_that_cannot_be_joined_are_refused():
    with pytest.raises(ShapeError, match=r"bands \(B, 4 C, \*spatial\), got \(1, 6, 2, 2\)"):
        HaarDWT2d().inverse(torch.zeros(1, 6, 2, 2))


def test_the_receptive_field_grows_with_the_level_and_covers_it():
    found = []
    for levels in (1, 2, 3, 4):
        rows, columns = reach(WaveMixBlock2d(4, levels, dtype=torch.float64).eval())
        assert min(rows, columns) >= 2**levels
        found.append(rows)
    assert found == sorted(set(found))


def test_parameters_are_the_published_ones():
    assert parameters(WaveMixBlock2d(32, 3, expansion=2, hidden=32)) == 47_848
    assert round(16 * parameters(WaveMixBlock2d(192)) / 1e6, 1) == 27.3
    blocks = WaveMix().blocks
    assert parameters(blocks) == 16 * parameters(WaveMixBlock2d(192))


def test_one_level_is_the_light_form():
    block = WaveMixBlock2d(8, 1)
    C, hidden = 8, 8
    expected = C * C // 4 + C // 4 + 2 * C * (C + 1) + hidden * (2 * C + 1) + 16 * hidden * C + C + 2 * C
    assert parameters(block) == expected
