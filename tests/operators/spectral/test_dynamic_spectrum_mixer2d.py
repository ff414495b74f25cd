import numpy as np
import scipy.fft
import torch
from torch.autograd import gradcheck

from circulant.core.tolerances import assert_close
from circulant.operators.spectral.dynamic_spectrum_mixer2d import DynamicSpectrumMixer2d


def fixed(bank):
    """One filter: its gain whatever the picture."""
    mixer = DynamicSpectrumMixer2d(2, tuple(bank.shape), 1, 1, dtype=torch.float64)
    with torch.no_grad():
        mixer.bank[0] = bank
    return mixer


def test_gains_of_one_return_the_picture():
    mixer = DynamicSpectrumMixer2d(4, (6, 9), dtype=torch.float64)
    torch.nn.init.ones_(mixer.bank)
    x = torch.randn(2, 4, 6, 9, dtype=torch.float64)
    assert_close(mixer(x), x, 1e-10)


def test_fixed_gains_are_scipys_transforms_with_a_product_between():
    bank = torch.randn(7, 8, dtype=torch.float64)
    x = torch.randn(3, 2, 7, 8, dtype=torch.float64)
    coefficients = scipy.fft.dctn(x.numpy(), norm="ortho", axes=(2, 3)) * bank.numpy()
    expected = scipy.fft.idctn(coefficients, norm="ortho", axes=(2, 3))
    assert_close(fixed(bank)(x), torch.from_numpy(expected))


def test_fixed_gains_convolve_the_picture_continued_by_its_mirror_image():
    H, W = 5, 6
    bank = torch.randn(H, W, dtype=torch.float64)
    x = torch.randn(1, 2, H, W, dtype=torch.float64)
    mirrored = np.pad(x.numpy(), ((0, 0), (0, 0), (0, H), (0, W)), mode="symmetric")
    rows, columns = (np.minimum(np.arange(2 * n), 2 * n - np.arange(2 * n)) for n in (H, W))
    around = np.pad(bank.numpy(), ((0, 1), (0, 1)))  # the mirrored picture has nothing at these frequencies
    response = around[np.ix_(rows, columns)]
    expected = np.fft.ifft2(np.fft.fft2(mirrored) * response).real[:, :, :H, :W]
    assert_close(fixed(bank)(x), torch.from_numpy(expected))


def test_two_pictures_have_different_filters():
    mixer = DynamicSpectrumMixer2d(4, 8, dtype=torch.float64)
    gains = mixer.gain(torch.randn(2, 4, 8, 8, dtype=torch.float64))
    assert (gains[0] - gains[1]).abs().max() > 1e-4


def test_derivatives_through_the_filters_agree_with_finite_differences():
    mixer = DynamicSpectrumMixer2d(2, (3, 2), 2, 1, dtype=torch.float64)
    assert gradcheck(mixer, (torch.randn(1, 2, 3, 2, dtype=torch.float64, requires_grad=True),))


def test_work_grows_log_linearly_with_the_samples():
    def flop_per_sample(n):
        transforms = DynamicSpectrumMixer2d(8, n).cost((1, 8, n, n)).flop
        return transforms / (8 * n * n)

    rate = {n: flop_per_sample(n) for n in (32, 64, 128, 256)}
    steps = [rate[2 * n] - rate[n] for n in (32, 64, 128)]
    assert max(steps) - min(steps) < 0.15 * max(steps)  # each doubling adds the same, as a logarithm does
    assert rate[256] < 2 * rate[32]
