"""Slices are predicted from earlier ones only, and a toy codec needs fewer bits for it."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.fft import dct
from scipy.stats import norm
from torch import nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.data.scenes import scene_patches
from circulant.models.channel_autoregressive import (
    ChannelAutoregressiveTransformer,
    LatentPrediction,
    gaussian_bits,
)
from circulant.models.fat_block import FatBlock
from circulant.train.fit import fit
from circulant.train.recipe import Recipe


def small(**options):
    torch.manual_seed(0)
    return ChannelAutoregressiveTransformer(12, 3, 2, ratio=2, heads=2, window=4, **options).double().eval()


def test_a_changed_slice_never_changes_the_predictions_of_itself_or_of_earlier_ones():
    network, side = small(), torch.randn(1, 24, 8, 8, dtype=torch.float64)
    latent = torch.randn(1, 12, 8, 8, dtype=torch.float64).round()
    with torch.no_grad():
        before = network(side, latent)
        for number in range(3):
            other, first = latent.clone(), 4 * number
            other[:, first : first + 4] += torch.randn(1, 4, 8, 8, dtype=torch.float64).mul(3).round()
            after = network(side, other)
            for name in ("mean", "scale", "residual"):
                change = (getattr(after, name) - getattr(before, name)).abs()
                assert change[:, : first + 4].max() == 0
                assert number == 2 or change[:, first + 4 :].min() > 0


def test_side_information_reaches_every_slice_and_scales_are_positive():
    network, side = small(), torch.randn(1, 24, 8, 8, dtype=torch.float64)
    latent = torch.zeros(1, 12, 8, 8, dtype=torch.float64)
    with torch.no_grad():
        made = network(side, latent)
        change = (network(side + 1, latent).mean - made.mean).abs()
    assert change.amax((0, 2, 3)).min() > 0
    assert made.scale.min() > 0.01
    assert made.residual.abs().max() < 0.5


def test_bits_are_those_of_a_gaussian_over_one_unit():
    latent = torch.tensor([[0.0, 3.0, -2.0, 1.0]], dtype=torch.float64)
    mean, scale = torch.full_like(latent, 0.3), torch.full_like(latent, 1.7)
    bits = gaussian_bits(latent, LatentPrediction(mean, scale, torch.zeros_like(mean)))
    mass = norm.cdf(latent + 0.5, 0.3, 1.7) - norm.cdf(latent - 0.5, 0.3, 1.7)
    assert_close(bits, torch.from_numpy(-np.log2(mass)))


def test_the_published_sizes_can_be_built():
    with torch.device("meta"):
        network = ChannelAutoregressiveTransformer()
        made = network(torch.empty(1, 640, 16, 8), torch.empty(1, 320, 16, 8))
    assert made.mean.shape == made.scale.shape == (1, 320, 16, 8)
    assert len(network.blocks) == 12


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ArgumentError, match="slices as a divisor"):
        ChannelAutoregressiveTransformer(12, 5)
    with pytest.raises(ShapeError, match="multiples of 4"):
        small()(torch.zeros(1, 24, 6, 8), torch.zeros(1, 12, 6, 8))


def test_a_block_keeps_the_shape_and_adds_to_its_input():
    torch.manual_seed(0)
    block = FatBlock(8, 4, 2, shifted=True).double()
    x = torch.randn(2, 8, 10, 9, dtype=torch.float64)
    inner = block.branch[0](x)
    for part in (block.branch[1], block.branch[2]):
        inner = inner + part.branch(part.norm(inner))
    assert_close(block(x), x + block.branch[3](inner))


STEP = 1 / 64  # of the quantiser


def latents(patches):
    """Rounded DCT coefficients of blocks of 4 x 4 pixels (N, 16, H / 4, W / 4), coarse ones first."""
    matrix = torch.from_numpy(dct(np.eye(4), norm="ortho", axis=0)).float()
    blocks = F.pixel_unshuffle(torch.from_numpy(patches), 4).unflatten(1, (4, 4))
    made = torch.einsum("ki,lj,nijhw->nklhw", matrix, matrix, blocks).flatten(1, 2)
    order = sorted(range(16), key=lambda place: (place // 4 + place % 4, place))
    return (made[:, order] / STEP).round()


def factorised_bits(train, test):
    """Mean bits under the histogram of each channel, the best prior that treats all values as independent."""
    total = 0.0
    for channel in range(train.shape[1]):
        known, seen = train[:, channel].long().flatten(), test[:, channel].long().flatten()
        low = min(known.min(), seen.min())
        counts = torch.bincount(known - low, minlength=int(seen.max() - low) + 1).double() + 0.1
        total += -(counts / counts.sum())[seen - low].log2().mean().item()
    return total / train.shape[1]


class _Codec(nn.Module):
    """Bits of each latent value; the model sees them in units of each channel, without side information."""

    def __init__(self, train):
        super().__init__()
        self.centre = train.mean((0, 2, 3))[:, None, None]
        self.unit = train.std((0, 2, 3))[:, None, None]
        self.model = ChannelAutoregressiveTransformer(16, 4, 1, ratio=2, heads=2, window=8)

    def forward(self, latent):
        side = latent.new_zeros(latent.shape[0], 32, *latent.shape[2:])
        seen = self.model(side, (latent - self.centre) / self.unit)
        mean, scale = self.centre + self.unit * seen.mean, self.unit * seen.scale
        return gaussian_bits(latent, LatentPrediction(mean, scale, seen.residual))


def codec_bits():
    """Of the trained model and of the factorised prior, for each latent value of unseen patches."""
    train, test = latents(scene_patches(32, 660, 1)), latents(scene_patches(32, 220, 2))
    torch.manual_seed(0)
    codec = _Codec(train)
    recipe = Recipe(batch=16, learning_rate=1e-2, weight_decay=0.0)
    fit(codec, train, train, steps=400, loss=lambda bits, _: bits.mean(), recipe=recipe)
    with torch.no_grad():
        return codec(test).mean().item(), factorised_bits(train, test)


@pytest.mark.slow
def test_a_toy_codec_of_photographs_needs_fewer_bits_than_with_a_factorised_prior():
    model, factorised = codec_bits()
    assert model < 0.985 * factorised
