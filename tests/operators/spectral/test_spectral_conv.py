import torch

from circulant.core.tolerances import assert_close
from circulant.nn import SpectralConv1d, SpectralConv2d, SpectralConv3d


def by_corners(operator, x):
    """As published: zeros, and a product of complex matrices in each corner of the spectrum."""
    weight, modes, axes = torch.view_as_complex(operator.weight), operator.modes, tuple(range(2, x.ndim))
    spectrum = torch.fft.rfftn(x, dim=axes)
    mixed = spectrum.new_zeros(len(x), operator.out_channels, *spectrum.shape[2:])
    for signs in torch.cartesian_prod(*[torch.tensor([0, 1])] * (len(modes) - 1), torch.tensor([0])).reshape(
        -1, len(modes)
    ):
        at = tuple(slice(-m, None) if sign else slice(0, m) for sign, m in zip(signs, modes))
        corner = (slice(None), slice(None), *at)
        mixed[corner] = torch.einsum("bi...,io...->bo...", spectrum[corner], weight[corner])
    return torch.fft.irfftn(mixed, x.shape[2:], dim=axes)


def test_every_number_of_axes_equals_the_published_corners():
    for operator, sizes in (
        (SpectralConv1d(3, 2, 5, dtype=torch.float64), (16,)),
        (SpectralConv2d(3, 4, (3, 4), dtype=torch.float64), (9, 12)),
        (SpectralConv3d(2, 2, (2, 3, 2), dtype=torch.float64), (6, 8, 7)),
    ):
        x = torch.randn(2, operator.in_channels, *sizes, dtype=torch.float64)
        assert_close(operator(x), by_corners(operator, x))


def test_parameters_are_those_of_the_published_layers():
    assert SpectralConv1d(64, 64, 16).weight.numel() == 64 * 64 * 16 * 2
    assert SpectralConv2d(32, 32, (12, 12)).weight.numel() == 2 * 32 * 32 * 12 * 12 * 2
    assert SpectralConv3d(8, 8, (4, 5, 6)).weight.numel() == 4 * 8 * 8 * 4 * 5 * 6 * 2


def test_a_smooth_function_is_mapped_alike_on_every_grid():
    operator = SpectralConv2d(1, 2, 4, dtype=torch.float64)

    def sampled(n):
        s = torch.arange(n, dtype=torch.float64) * (2 * torch.pi / n)
        return (torch.cos(3 * s)[:, None] * torch.sin(2 * s) + torch.sin(s)[:, None])[None, None]

    coarse, fine = operator(sampled(16)), operator(sampled(48))
    assert_close(fine[..., ::3, ::3], coarse)


def test_weights_of_one_pass_the_low_frequencies_and_nothing_else():
    operator = SpectralConv1d(1, 1, 4, dtype=torch.float64)
    with torch.no_grad():
        operator.weight[:] = torch.tensor([1.0, 0.0])
    s = torch.arange(20, dtype=torch.float64) * (2 * torch.pi / 20)
    assert_close(operator((torch.cos(3 * s) + torch.cos(4 * s))[None, None]), torch.cos(3 * s)[None, None])
