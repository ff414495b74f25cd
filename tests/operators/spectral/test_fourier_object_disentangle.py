"""What moves is kept, what does not is zero."""

import torch

from circulant.core.tolerances import assert_close
from circulant.operators.spectral.fourier_object_disentangle import FourierObjectDisentangle


def test_a_static_clip_gives_exactly_zero():
    frame = torch.randn(2, 3, 1, 5, 6, dtype=torch.float64)
    for T in (1, 8, 9):
        assert FourierObjectDisentangle(3)(frame.expand(-1, -1, T, -1, -1)).abs().max() <= 1e-10


def test_a_moving_square_on_a_textured_background_is_all_that_is_left():
    torch.manual_seed(0)
    clip = torch.rand(1, 1, 1, 16, 16, dtype=torch.float64).repeat(1, 1, 8, 1, 1)
    swept = torch.zeros(16, 16, dtype=torch.bool)
    for t in range(8):
        clip[:, :, t, 5:9, t : t + 4] = 2
        swept[5:9, t : t + 4] = True
    energy = FourierObjectDisentangle(1)(clip).square().sum((0, 1, 2))
    assert energy[swept].sum() >= 5 * energy[~swept].sum()
    assert energy[swept].mean() > 1e-3


def test_a_wave_over_time_is_weighed_by_its_own_frequency_in_its_own_frame():
    T, k = 10, 3
    x = torch.cos(2 * torch.pi * k * torch.arange(T, dtype=torch.float64) / T).expand(1, 1, T)
    expected = torch.zeros_like(x)
    for frame in (k, T - k):
        expected[..., frame] = x[..., frame] * (k / T) ** 2 * T / 4  # |X_k|^2 = (T / 2)^2 / T
    assert_close(FourierObjectDisentangle(1)(x), expected)


def test_its_output_grows_with_the_cube_of_the_clip():
    x = torch.randn(1, 2, 6, 2, 2, dtype=torch.float64)
    module = FourierObjectDisentangle(2)
    assert_close(module(3 * x), 27 * module(x))
