"""Spectra that layers carry on, beside the transforms of their outputs."""

from xml.etree import ElementTree

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.data.mnist import mnist_5k
from circulant.explain.spectrum_transfer import spectrum_of, spectrum_transfer


def circular(in_channels, out_channels, kernel, **options):
    return nn.Conv2d(in_channels, out_channels, kernel, padding_mode="circular", **options).double().eval()


def by_the_formula(conv, spatial):
    """The conjugate of the kernel's spectrum times the phase of the padding, tap by tap."""
    rows, columns = (torch.arange(n).double() for n in spatial)
    transfer = torch.zeros(*conv.weight.shape[:2], *spatial, dtype=torch.complex128)
    for i in range(conv.weight.shape[2]):
        for j in range(conv.weight.shape[3]):
            places = [k * d - p for k, d, p in zip((i, j), conv.dilation, conv.padding, strict=True)]
            turns = rows[:, None] * places[0] / spatial[0] + columns * places[1] / spatial[1]
            transfer += conv.weight[:, :, i, j, None, None].detach() * torch.exp(2j * torch.pi * turns)
    return transfer


@pytest.mark.parametrize(
    "conv",
    [
        circular(2, 3, 3, padding=1),
        circular(2, 2, (5, 1), padding=(2, 0), bias=False),
        circular(2, 1, 3, padding=2, dilation=2),
    ],
)
def test_the_transfer_is_the_conjugate_spectrum_of_the_kernel_with_the_phase_of_the_padding(conv):
    x = torch.randn(2, 2, 9, 12, dtype=torch.float64)
    found = spectrum_transfer(conv, x).transfer
    torch.testing.assert_close(
        torch.view_as_complex(found), by_the_formula(conv, (9, 12)), atol=1e-12, rtol=0
    )


def test_the_propagated_spectrum_is_that_of_the_output():
    conv = circular(3, 4, 5, padding=2)
    x = torch.randn(2, 3, 16, 15, dtype=torch.float64)
    found = spectrum_transfer(conv, x)
    expected = torch.view_as_real(torch.fft.fft2(conv(x).detach()))
    assert (found.propagate(spectrum_of(x)) - expected).abs().max() < 1e-10
    assert found.deviation < 1e-14


def test_the_transfers_of_three_linear_layers_multiply():
    layers = [circular(1, 4, 3, padding=1), circular(4, 3, 5, padding=2), circular(3, 2, 3, padding=1)]
    x = torch.from_numpy(mnist_5k(0).test.x[:3]).double()
    spectrum, features = spectrum_of(x), x
    for layer in layers:
        found = spectrum_transfer(layer, features)
        spectrum, features = found.propagate(spectrum), layer(features).detach()
    expected = torch.view_as_real(torch.fft.fft2(features))
    assert (spectrum - expected).abs().max() < 1e-10
    whole = spectrum_transfer(nn.Sequential(*layers).eval(), x)
    assert (whole.propagate(spectrum_of(x)) - expected).abs().max() < 1e-10
    assert whole.deviation < 1e-14


def test_along_one_axis_a_delay_turns_phases_and_keeps_gains():
    delay = nn.Conv1d(1, 1, 3, padding=1, padding_mode="circular", bias=False).double().eval()
    delay.weight.data = torch.tensor([[[1.0, 0.0, 0.0]]]).double()
    found = spectrum_transfer(delay, torch.randn(1, 1, 8))
    torch.testing.assert_close(found.gain, torch.ones(8).double())
    torch.testing.assert_close(found.transfer[0, 0, 2], torch.tensor([0.0, -1.0]).double())


def test_zero_padding_and_activations_mix_frequencies_and_the_deviation_says_how_much():
    torch.manual_seed(0)
    wrapping = circular(1, 4, 5, padding=2)
    zeros = nn.Conv2d(1, 4, 5, padding=2).double().eval()
    zeros.load_state_dict(wrapping.state_dict())
    x = torch.randn(8, 1, 28, 28, dtype=torch.float64)
    assert spectrum_transfer(wrapping, x).deviation < 1e-14
    assert 0.05 < spectrum_transfer(zeros, x).deviation < 0.5
    assert spectrum_transfer(nn.Sequential(wrapping, nn.ReLU()).eval(), x).deviation > 0.1
    torch.testing.assert_close(spectrum_transfer(zeros, x).transfer, spectrum_transfer(wrapping, x).transfer)


def test_bad_arguments_are_refused():
    conv = circular(1, 1, 3, padding=1)
    x = torch.randn(1, 1, 8, 8)
    with pytest.raises(ShapeError, match="keeps the grid"):
        spectrum_transfer(nn.Conv2d(1, 1, 3, 2, 1).eval(), x)
    with pytest.raises(ArgumentError, match=r"call module\.eval"):
        spectrum_transfer(conv.train(), x)
    with pytest.raises(ShapeError, match="expected a spectrum"):
        spectrum_transfer(conv.eval(), x).propagate(spectrum_of(torch.randn(1, 2, 8, 8)))


@pytest.mark.parametrize("shape", [(1, 2, 9), (1, 2, 9, 10)])
def test_the_plot_is_a_stand_alone_svg(shape):
    picture = spectrum_transfer(nn.Identity().eval(), torch.randn(shape)).plot()
    assert ElementTree.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"
