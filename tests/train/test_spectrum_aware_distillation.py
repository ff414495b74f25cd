"""Distillation by frequency, and a diffusion model that learns from another by it."""

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from circulant.core.errors import ShapeError
from circulant.core.tolerances import assert_close
from circulant.models.spectral_diffusion_unet import SpectralDiffusionUNet, WaveletDown2d, WaveletUp2d
from circulant.train.spectrum_aware_distillation import (
    frequency_weights,
    mirror_counts,
    spectrum_aware_distillation,
)


def whole(half, n):
    """Values on half of a spectrum of pictures (.., m, n) at all of its frequencies."""
    rows = -torch.arange(half.shape[-2]) % half.shape[-2]
    columns = torch.arange(n // 2 + 1, n)
    return torch.cat([half, half[..., rows, :][..., n - columns]], -1)


@pytest.mark.parametrize("sizes", [(6, 8), (5, 7)], ids=str)
def test_an_exponent_of_zero_is_the_mean_squared_error(sizes):
    student, teacher = torch.randn(2, 3, 2, *sizes, dtype=torch.float64)
    loss = spectrum_aware_distillation(student, teacher, 0.0)
    assert_close(loss, nn.functional.mse_loss(student, teacher))


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_the_gradient_of_each_frequency_is_its_difference_times_its_weight(exponent):
    student, teacher = torch.randn(2, 1, 1, 6, 8, dtype=torch.float64)
    student.requires_grad_()
    (slope,) = torch.autograd.grad(spectrum_aware_distillation(student, teacher, exponent), student)
    magnitude = torch.fft.fft2(teacher).abs()
    weight = magnitude**-exponent / (magnitude**-exponent).mean()
    expected = 2 * weight * torch.fft.fft2(student - teacher) / student.numel()
    assert_close(torch.view_as_real(torch.fft.fft2(slope)), torch.view_as_real(expected))


def test_a_larger_exponent_gives_faint_high_frequencies_a_larger_share_of_the_gradient():
    k = torch.fft.fftfreq(16, dtype=torch.float64).abs()
    radius = torch.hypot(k[:, None], k)
    teacher = torch.fft.ifft2(torch.fft.fft2(torch.randn(16, 16).double()) / (0.02 + radius)).real
    student = (teacher + torch.randn(16, 16).double()).requires_grad_()
    shares = []
    for exponent in (0.0, 1.0, 2.0):
        (slope,) = torch.autograd.grad(spectrum_aware_distillation(student, teacher, exponent), student)
        energy = torch.fft.fft2(slope).abs() ** 2
        shares.append((energy[radius > 0.25].sum() / energy.sum()).item())
        weight = whole(frequency_weights(teacher, exponent, 2), 16)
        formula = (weight * torch.fft.fft2(student - teacher).abs()).detach() ** 2
        assert abs(shares[-1] - (formula[radius > 0.25].sum() / formula.sum()).item()) < 1e-10
    assert shares[0] < shares[1] < shares[2]


def test_weights_have_the_mean_one_and_are_bounded_where_the_teacher_is_silent():
    weight = frequency_weights(torch.ones(2, 4, 5, dtype=torch.float64), 1.0, 2)
    assert torch.isfinite(weight).all()
    assert abs((weight * mirror_counts((4, 5), weight)).sum() / 20 - 1) < 1e-12


def test_tensors_of_two_shapes_are_refused():
    with pytest.raises(ShapeError, match=r"of one shape, got \(1, 4, 4\) and \(1, 4, 5\)"):
        spectrum_aware_distillation(torch.zeros(1, 4, 4), torch.zeros(1, 4, 5))


def test_the_network_halves_and_doubles_by_wavelets_and_hears_the_time():
    network = SpectralDiffusionUNet(1, 8)
    x = torch.randn(2, 1, 8, 8)
    assert network(x, torch.tensor([0.1, 0.9])).shape == x.shape
    assert not torch.equal(network(x, torch.tensor([0.1, 0.9])), network(x, torch.tensor([0.2, 0.9])))
    assert WaveletDown2d(4, 6)(torch.zeros(1, 4, 8, 6)).shape == (1, 6, 4, 3)
    assert WaveletUp2d(6, 4)(torch.zeros(1, 6, 4, 3)).shape == (1, 4, 8, 6)


def noisy(clean, time):
    angle = time[:, None, None, None] * torch.pi / 2
    return angle.cos() * clean + angle.sin() * torch.randn_like(clean)


def learn(network, clean, target_of, loss, steps, seed):
    """target_of(clean, noisy, time) -> what the network should say."""
    torch.manual_seed(seed)
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(steps):
        picked = clean[torch.randint(len(clean), (32,))]
        time = torch.rand(len(picked))
        x = noisy(picked, time)
        optimiser.zero_grad()
        loss(network(x, time), target_of(picked, x, time)).backward()
        optimiser.step()


@pytest.mark.slow
def test_a_small_student_keeps_high_frequencies_better_with_weights():
    clean = torch.from_numpy(load_digits().images).float()[:, None] / 8 - 1
    torch.manual_seed(0)
    teacher = SpectralDiffusionUNet(1, 16)
    learn(teacher, clean, lambda picture, x, time: picture, nn.functional.mse_loss, 400, 0)

    @torch.no_grad()
    def taught(picture, x, time):
        return teacher(x, time)

    def high_band_gap(student):
        """Mean power of the difference of the spectra where |frequency| > 1 / 4."""
        torch.manual_seed(99)
        time = torch.full((500,), 0.6)
        x = noisy(clean[:500], time)
        with torch.no_grad():
            difference = torch.fft.fft2(student(x, time) - teacher(x, time))
        k = torch.fft.fftfreq(8).abs()
        high = torch.hypot(k[:, None], k) > 0.25
        return difference.abs().square().mean((0, 1))[high].mean().item()

    for seed in range(3):
        gaps = []
        for exponent in (0.0, 1.0):
            torch.manual_seed(seed)
            student = SpectralDiffusionUNet(1, 4, 1)
            learn(
                student, clean, taught,
                lambda got, wanted, a=exponent: spectrum_aware_distillation(got, wanted, a), 250, seed,
            )  # fmt: skip
            gaps.append(high_band_gap(student))
        assert gaps[1] < gaps[0], gaps
