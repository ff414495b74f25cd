"""Spectra of grids made finer, beside the transforms of what torch makes of the samples."""

import pytest
import torch
from torch.nn.functional import interpolate, pad

from circulant.core.errors import ArgumentError, ShapeError
from circulant.data.mnist import mnist_5k
from circulant.explain.spectrum_transfer import spectrum_of
from circulant.explain.upsampling_replicas import Upsampling, interpolation_transfer, upsampling_replicas


def zeros_between(x, factor):
    finer = x.new_zeros(*x.shape[:2], *(factor * n for n in x.shape[2:]))
    finer[:, :, ::factor, ::factor] = x
    return finer


def linear_around_the_edges(x, factor):
    """torch's bilinear interpolation of a grid that wraps: two more samples on each side, cut off after."""
    wide = interpolate(pad(x, (2, 2, 2, 2), mode="circular"), scale_factor=factor, mode="bilinear")
    cut = slice(2 * factor, -2 * factor)
    return wide[:, :, cut, cut]


def nearest(x, factor):
    return interpolate(x, scale_factor=factor, mode="nearest")


FINER = {
    Upsampling.ZERO_INSERTION: zeros_between,
    Upsampling.NEAREST: nearest,
    Upsampling.LINEAR: linear_around_the_edges,
}


def test_zeros_between_samples_tile_the_spectrum_exactly():
    x = torch.randn(2, 3, 6, 7, dtype=torch.float64)
    found = upsampling_replicas(spectrum_of(x), 2, 2, Upsampling.ZERO_INSERTION)
    assert torch.equal(found.spectrum, spectrum_of(x).repeat(1, 1, 2, 2, 1))
    expected = torch.view_as_real(torch.fft.fft2(zeros_between(x, 2)))
    assert (found.spectrum - expected).abs().max() < 1e-12


@pytest.mark.parametrize("upsampling", Upsampling)
@pytest.mark.parametrize("factor", [1, 2, 3, 4])
def test_interpolation_is_the_tiled_spectrum_times_the_transfer_of_its_kernel(upsampling, factor):
    x = torch.randn(2, 3, 6, 9, dtype=torch.float64)
    found = upsampling_replicas(spectrum_of(x), factor, 2, upsampling).spectrum
    expected = torch.view_as_real(torch.fft.fft2(FINER[upsampling](x, factor)))
    assert (found - expected).abs().max() < 1e-10


@pytest.mark.parametrize("upsampling", [Upsampling.NEAREST, Upsampling.LINEAR])
def test_interpolation_keeps_constants_and_takes_away_the_middle_of_each_copy(upsampling):
    transfer = interpolation_transfer(upsampling, 3, 8)
    torch.testing.assert_close(transfer[0], torch.tensor([3.0, 0.0]).double())
    assert transfer[[8, 16]].abs().max() < 1e-14


def test_of_digits_each_better_interpolation_leaves_less_in_the_copies():
    spectrum = spectrum_of(torch.from_numpy(mnist_5k(0).test.x[:16]))
    share = {kind: upsampling_replicas(spectrum, 2, 2, kind).replica_share for kind in Upsampling}
    assert 0.7 < share[Upsampling.ZERO_INSERTION] < 0.8  # three copies of four
    assert share[Upsampling.LINEAR] < share[Upsampling.NEAREST] / 2 < 0.05


def test_silence_has_no_copies():
    assert upsampling_replicas(torch.zeros(1, 8, 2), 2, 1, Upsampling.NEAREST).replica_share == 0.0


def test_bad_arguments_are_refused():
    with pytest.raises(ArgumentError, match="factor and ndim of 1 or more"):
        upsampling_replicas(torch.zeros(1, 8, 2), 0, 1, Upsampling.NEAREST)
    with pytest.raises(ShapeError, match="spectrum of pairs"):
        upsampling_replicas(torch.zeros(1, 8), 2, 1, Upsampling.NEAREST)
