"""WaveMix networks."""

import pytest
import torch

from circulant.core.sizes import product
from circulant.data.mnist import mnist_5k
from circulant.models.wave_mix import WaveMix, WaveMixStem, WaveMixV1
from circulant.train.fit import fit
from circulant.train.predict import predict


def accuracy_on_digits(network, steps):
    data = mnist_5k(0)
    x, y = (torch.from_numpy(part) for part in (data.train.x, data.train.y))
    fit(network, (x - 0.13) / 0.31, y.long(), steps=steps)
    guessed = predict(network, (torch.from_numpy(data.test.x) - 0.13) / 0.31)
    return (guessed == torch.from_numpy(data.test.y)).float().mean().item()


def test_every_stem_leads_to_logits():
    x = torch.randn(2, 3, 32, 32)
    for stem in WaveMixStem:
        assert WaveMix(5, 16, 1, levels=2, stem=stem)(x).shape == (2, 5)
    assert WaveMixV1(5, 16, 1)(x).shape == (2, 5)


@pytest.mark.slow
def test_wave_mix_reads_digits_with_fewer_than_100_000_parameters():
    torch.manual_seed(0)
    network = WaveMix(10, 32, 2, in_channels=1, hidden=24, dropout=0.0, stem=WaveMixStem.STRIDED)
    assert sum(product(parameter.shape) for parameter in network.parameters()) < 100_000
    assert accuracy_on_digits(network, 500) >= 0.96


@pytest.mark.slow
def test_the_first_wave_mix_reads_digits():
    torch.manual_seed(0)
    network = WaveMixV1(10, 32, 2, in_channels=1, levels=2, stem=WaveMixStem.STRIDED)
    assert accuracy_on_digits(network, 500) > 0.95
