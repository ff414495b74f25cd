"""Fourier mixing against numpy, and what its symmetries imply."""

import numpy as np
import pytest
import torch
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.engine.choice import use
from circulant.functional import AlgorithmName
from circulant.operators.spectral.fourier_mixing1d import FourierMixing1d


@pytest.fixture(autouse=True)
def _one_thread():
    """The tensors are tiny: waking a second thread takes longer than the work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def drawn(*shape):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("channels", [1, 2, 3, 8, 9])
@pytest.mark.parametrize("length", [1, 2, 7, 12])
@pytest.mark.parametrize("algorithm", [AlgorithmName.FFT, AlgorithmName.DFT_MATRIX])
def test_it_is_the_real_part_of_the_plane_transform_by_either_algorithm(channels, length, algorithm):
    x = drawn(2, channels, length)
    with use(algorithm=algorithm):
        y = FourierMixing1d(channels)(x)
    assert_close(y, torch.from_numpy(np.fft.fft2(x.numpy()).real), 1e-10)


def test_twice_is_the_even_part_under_reversal_of_both_axes_times_their_sizes():
    mix, x = FourierMixing1d(6), drawn(1, 6, 10)
    reversed_both = x.flip(1, 2).roll((1, 1), (1, 2))
    assert_close(mix(mix(x)), 6 * 10 * (x + reversed_both) / 2, 1e-14)


def test_there_is_nothing_to_learn_or_to_store():
    assert FourierMixing1d(64).state_dict() == {}


def _nested_brackets(count, pairs, generator):
    """Openings of two kinds (+1, -1) and their closings in reverse order; in half of them one is wrong."""
    opened = torch.randint(0, 2, (count, pairs), generator=generator) * 2.0 - 1
    matched = torch.randint(0, 2, (count,), generator=generator)
    flipped = torch.randint(0, pairs, (count, 1), generator=generator)
    closed = opened.clone().scatter_(1, flipped, opened.gather(1, flipped) * (2.0 * matched[:, None] - 1))
    return torch.cat([opened, closed.flip(1)], 1), matched


class _Classifier(nn.Module):
    """Embed each token with its place, mix or not, process each position, average, decide."""

    def __init__(self, mixer, length, channels):
        super().__init__()
        self.place = nn.Parameter(torch.randn(channels, length))
        self.token = nn.Sequential(nn.Conv1d(channels, 64, 1), nn.GELU(), nn.Conv1d(64, channels, 1))
        self.mixer = mixer
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(2))
        self.feed = nn.Sequential(nn.Conv1d(channels, 64, 1), nn.GELU(), nn.Conv1d(64, channels, 1))
        self.decide = nn.Linear(channels, 2)

    def forward(self, tokens):
        x = self.token(self.place + tokens[:, None] * self.place.roll(1, 0))
        x = self.norms[0]((x + self.mixer(x)).mT).mT
        x = self.norms[1]((x + self.feed(x)).mT)
        return self.decide(x.mean(1))


def _trained_accuracy(mixer):
    generator = torch.Generator().manual_seed(1)
    torch.manual_seed(0)
    model = _Classifier(mixer, 8, 16)
    optimiser = torch.optim.Adam(model.parameters(), 5e-3)
    for _ in range(250):
        tokens, matched = _nested_brackets(128, 4, generator)
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(tokens), matched).backward()
        optimiser.step()
    tokens, matched = _nested_brackets(2000, 4, generator)
    return (model(tokens).argmax(-1) == matched).double().mean().item()


def test_brackets_are_matched_with_mixing_and_cannot_be_without():
    assert _trained_accuracy(FourierMixing1d(16)) > 0.95
    assert _trained_accuracy(nn.Identity()) < 0.6
