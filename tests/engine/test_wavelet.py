"""The door to wavelet transforms against PyWavelets and against the sums written out."""

from itertools import product

import pytest
import pywt
import torch
from torch.autograd import gradcheck, gradgradcheck

from circulant.core.errors import ArgumentError, DtypeError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.engine.wavelet import DAUBECHIES2, DAUBECHIES4, HAAR, WAVELETS, Wavelet, dwt, idwt

SIZES = [(2,), (4,), (6,), (16,), (34,), (2, 8), (6, 4), (12, 10), (4, 2, 6), (8, 6, 4)]
every_wavelet = pytest.mark.parametrize("wavelet", WAVELETS, ids=lambda wavelet: wavelet.name)


def drawn(*shape):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def written_out(x, wavelet):
    """One band after another of x (B, *sizes), sample by sample."""
    sizes, filters = x.shape[1:], (wavelet.taps, wavelet.high_taps)
    shift = len(wavelet.taps) // 2 - 1
    for n in sizes:
        matrix = torch.zeros(2, n // 2, n, dtype=x.dtype)
        for band, k, i in product(range(2), range(n // 2), range(len(wavelet.taps))):
            matrix[band, k, (2 * k + i - shift) % n] += filters[band][i]
        x = torch.tensordot(x, matrix, dims=([1], [2]))  # axes in turn move to the end as (band, place)
    ndim = len(sizes)
    x = x.permute(0, *range(1, 2 * ndim, 2), *range(2, 2 * ndim + 1, 2))
    return x.reshape(len(x), 2**ndim, *(n // 2 for n in sizes))


@every_wavelet
def test_the_taps_are_those_of_pywavelets_and_orthonormal(wavelet):
    taps = torch.tensor(wavelet.taps, dtype=torch.float64)
    assert_close(taps, torch.tensor(pywt.Wavelet(wavelet.name).rec_lo, dtype=torch.float64), 1e-12)
    for shift in range(0, len(taps), 2):
        assert abs(taps[shift:] @ taps[: len(taps) - shift] - float(shift == 0)) < 1e-15
    moments = torch.tensor(wavelet.high_taps, dtype=torch.float64)
    for power in range(len(taps) // 2):
        assert abs(moments @ torch.arange(len(taps), dtype=torch.float64) ** power) < 1e-11


@every_wavelet
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_the_bands_are_the_sums_written_out_and_lead_back(sizes, wavelet):
    x = drawn(2, *sizes)
    bands = dwt(x, len(sizes), wavelet)
    assert_close(bands, written_out(x, wavelet), 1e-13)
    assert_close(idwt(bands, len(sizes), wavelet), x, 1e-13)
    assert abs(bands.square().sum() / x.square().sum() - 1) < 1e-13


@every_wavelet
@pytest.mark.parametrize("sizes", [size for size in SIZES if min(size) >= 8 or len(size) > 1], ids=str)
def test_the_bands_are_those_of_pywavelets(sizes, wavelet):
    x, ndim = drawn(*sizes), len(sizes)
    found = pywt.dwtn(x.numpy(), wavelet.name, mode="periodization")
    names = ["".join(letters) for letters in product("ad", repeat=ndim)]
    expected = torch.stack([torch.from_numpy(found[name]) for name in names])
    assert_close(dwt(x, ndim, wavelet), expected)
    assert_close(idwt(expected, ndim, wavelet), x)


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_haar_is_a_strided_convolution_with_the_signs_of_its_bands(ndim):
    x = drawn(3, 1, *(8, 6, 4)[:ndim])
    signs = torch.tensor([[1.0, 1.0], [1.0, -1.0]], dtype=torch.float64) / 2**0.5
    kernel = signs
    for _ in range(ndim - 1):
        kernel = torch.kron(kernel, signs)  # rows are bands, columns positions in the cell
    conv = (torch.nn.functional.conv1d, torch.nn.functional.conv2d, torch.nn.functional.conv3d)[ndim - 1]
    expected = conv(x, kernel.reshape(2**ndim, 1, *(2,) * ndim), stride=2)
    assert_close(dwt(x[:, 0], ndim), expected, 1e-14)


@every_wavelet
@pytest.mark.parametrize("ndim", [1, 2])
def test_the_inverse_is_the_adjoint_and_both_have_two_derivatives(ndim, wavelet):
    x, bands = drawn(*(6, 4)[:ndim]).requires_grad_(), drawn(2**ndim, *(3, 2)[:ndim]).requires_grad_()
    assert_close((dwt(x, ndim, wavelet) * bands).sum(), (x * idwt(bands, ndim, wavelet)).sum(), 1e-13)
    for function, operand in ((dwt, x), (idwt, bands)):
        assert gradcheck(lambda v, f=function: f(v, ndim, wavelet), (operand,))
        assert gradgradcheck(lambda v, f=function: f(v, ndim, wavelet).square(), (operand,))


@pytest.mark.parametrize("wavelet", [HAAR, DAUBECHIES2, DAUBECHIES4], ids=lambda wavelet: wavelet.name)
def test_compiled_code_of_any_size_gives_the_same(wavelet):
    torch._dynamo.reset()
    there_and_back = torch.compile(
        lambda v: idwt(2 * dwt(v, 2, wavelet), 2, wavelet), fullgraph=True, backend="aot_eager", dynamic=True
    )
    for n in (8, 18):
        assert_close(there_and_back(drawn(2, n, 6)), 2 * drawn(2, n, 6))


@every_wavelet
def test_layouts_leading_axes_and_precisions_are_kept(wavelet):
    x = drawn(2, 3, 8, 6)
    strided = x.permute(3, 0, 2, 1).contiguous().permute(1, 3, 2, 0)
    assert_close(dwt(strided, 2, wavelet), dwt(x, 2, wavelet))
    assert dwt(x[0, 0], 2, wavelet).shape == (4, 4, 3)
    assert dwt(x[:0], 2, wavelet).shape == (0, 3, 4, 4, 3)
    half = dwt(x.bfloat16(), 2, wavelet)
    assert half.dtype == torch.bfloat16
    assert_close(half, dwt(x, 2, wavelet), 3e-2)


def test_bad_inputs_are_refused():
    with pytest.raises(ShapeError, match=r"even sizes along its last 2 axes, got \(1, 4, 5\); pad odd axes"):
        dwt(torch.zeros(1, 4, 5), 2)
    with pytest.raises(
        ShapeError, match=r"expected bands \(..., 4, \*spatial\) with 2 axes, got \(2, 3, 3\)"
    ):
        idwt(torch.zeros(2, 3, 3), 2)
    with pytest.raises(DtypeError, match="floating-point"):
        dwt(torch.zeros(4, dtype=torch.int64), 1)
    with pytest.raises(ArgumentError, match="even number of taps, got 3"):
        Wavelet("odd", (1.0, 1.0, 1.0))
