"""Generators with random weights, before and after their last upsampling is swapped."""

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.explain.azimuthal_power_spectrum import azimuthal_power_spectrum
from circulant.explain.upsampling_replicas import Upsampling
from circulant.models.dc_gan_generator import DcGanGenerator
from circulant.optimise.last_upsample_swap import ZeroInsertion2d, last_upsample_swap

SEEDS = range(20)


@pytest.fixture(scope="module")
def shares():
    """Power in the top quarter of frequencies of 64x64 pictures, by what upsamples last, then by seed."""
    found = {kind: [] for kind in (None, *Upsampling)}
    for seed in SEEDS:
        torch.manual_seed(seed)
        generator = DcGanGenerator(32, 1, 8, 64)
        z = torch.randn(8, 32, 1, 1)
        for kind, values in found.items():
            rewrite = last_upsample_swap(generator, kind) if kind else None
            with torch.no_grad():
                values.append(azimuthal_power_spectrum(generator(z)).share_above().mean())
            if rewrite:
                rewrite.undo()
    return {kind: torch.tensor(values) for kind, values in found.items()}


def test_transposed_convolutions_leave_twice_as_much_at_high_frequencies_as_bilinear_for_every_seed(shares):
    assert (shares[None] >= 2 * shares[Upsampling.LINEAR]).all()


def test_inserted_zeros_keep_the_excess_and_interpolation_removes_it(shares):
    assert shares[Upsampling.ZERO_INSERTION].mean() > 0.25
    assert shares[None].mean() > 0.25
    assert shares[Upsampling.NEAREST].mean() < 0.06
    assert shares[Upsampling.LINEAR].mean() < 0.01


@pytest.mark.parametrize("upsampling", Upsampling)
@pytest.mark.parametrize(("kernel", "convolutions"), [(3, 1), (5, 1), (7, 1), (5, 3)])
def test_pictures_keep_their_size_and_undoing_brings_back_the_generator(upsampling, kernel, convolutions):
    generator = DcGanGenerator(8, 3, 4, 16).eval()
    z = torch.randn(2, 8, 1, 1)
    before = generator(z)
    rewrite = last_upsample_swap(generator, upsampling, kernel, convolutions)
    assert generator(z).shape == before.shape
    (change,) = rewrite.replaced
    convs = [layer for layer in change.after.modules() if isinstance(layer, nn.Conv2d)]
    assert [conv.kernel_size for conv in convs] == [(kernel, kernel)] * convolutions
    assert torch.equal(convs[-1].bias, change.before.bias)
    assert not change.after.training
    rewrite.undo()
    assert torch.equal(generator(z), before)


def test_zeros_are_laid_after_each_sample():
    x = torch.arange(1.0, 5).reshape(1, 1, 2, 2)
    expected = [[1, 0, 2, 0], [0, 0, 0, 0], [3, 0, 4, 0], [0, 0, 0, 0]]
    assert ZeroInsertion2d(2)(x)[0, 0].tolist() == expected


def test_bad_arguments_are_refused():
    with pytest.raises(ArgumentError, match="odd kernel"):
        last_upsample_swap(DcGanGenerator(), Upsampling.NEAREST, 4)
    with pytest.raises(ArgumentError, match="ConvTranspose2d that doubles"):
        last_upsample_swap(nn.Sequential(nn.ConvTranspose2d(2, 2, 4, 2)), Upsampling.NEAREST)
