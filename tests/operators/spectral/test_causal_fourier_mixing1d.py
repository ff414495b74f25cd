"""The causal transform as a sum over the prefix, as a chirp convolution, and in a language model."""

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.data.text import stdlib_text, windows
from circulant.engine.choice import use
from circulant.functional import AlgorithmName
from circulant.models.channel_mlp import GatedMlp
from circulant.models.channel_norm import ChannelRMSNorm
from circulant.models.language_model import LanguageModel
from circulant.models.residual import Residual
from circulant.operators.spectral.causal_fourier_mixing1d import CausalFourierMixing1d
from circulant.train.fit import fit
from circulant.train.perplexity import perplexity, unigram_perplexity
from circulant.train.recipe import Recipe


def drawn(*shape):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("length", "used"), [(1, 1), (2, 2), (7, 7), (64, 50), (500, 500), (4096, 300)])
@pytest.mark.parametrize("algorithm", [AlgorithmName.FFT, AlgorithmName.DIRECT])
def test_it_is_the_masked_matrix_of_the_transform(length, used, algorithm):
    x, place = drawn(2, 3, used), torch.arange(used)
    turns = (place[:, None] * place % length).double() / length
    matrix = torch.cos(2 * torch.pi * turns) * (place <= place[:, None])
    with use(algorithm=algorithm):
        assert_close(CausalFourierMixing1d(3, length)(x), x @ matrix.T, 1e-10)


def test_the_last_position_of_a_full_sequence_is_that_of_the_transform():
    x = drawn(1, 2, 33)
    assert_close(CausalFourierMixing1d(2, 33)(x)[..., -1], torch.fft.fft(x).real[..., -1])


@pytest.mark.parametrize("changed", [1, 10, 39])
def test_what_comes_later_does_not_change_a_bit(changed):
    x = drawn(2, 3, 40)
    other = x.clone()
    other[..., changed:] = 1e6
    mix = CausalFourierMixing1d(3, 40)
    with use(algorithm=AlgorithmName.DIRECT):
        assert torch.equal(mix(x)[..., :changed], mix(other)[..., :changed])
        assert not torch.equal(mix(x)[..., changed], mix(other)[..., changed])
    streams = []
    for values in (x, other):
        state, rows = mix.initial_state(2, dtype=torch.float64), []
        for sample in values.split(1, -1):
            y, state = mix.step(sample, state)
            rows.append(y)
        streams.append(torch.cat(rows, -1))
    assert torch.equal(streams[0][..., :changed], streams[1][..., :changed])
    assert_close(streams[0], mix(x))


def test_there_is_nothing_to_learn_or_to_store():
    assert CausalFourierMixing1d(64, 128).state_dict() == {}


def test_more_samples_than_the_length_are_refused_by_the_stream_too():
    mix = CausalFourierMixing1d(2, 4)
    _, state = mix.step(torch.zeros(1, 2, 3), mix.initial_state(1))
    with pytest.raises(ShapeError, match="L of at most 4"):
        mix.step(torch.zeros(1, 2, 2), state)
    with pytest.raises(ArgumentError, match="of 1 or more"):
        CausalFourierMixing1d(2, 0)


@pytest.mark.slow
def test_a_language_model_gains_by_it_over_unigrams_and_over_its_twin_without_mixing():
    text, channels = stdlib_text(), 32
    tokens = len(text.characters)
    x, y = (torch.from_numpy(codes) for codes in windows(text.train, 32))
    x_test, y_test = (torch.from_numpy(codes) for codes in windows(text.test, 32))

    def layer(mixer):
        branch = nn.Sequential(mixer, ChannelRMSNorm(channels))  # as in FNet a norm follows the sum
        mixing = Residual(branch, ChannelRMSNorm(channels), channels=channels, scale=0.1)
        return nn.Sequential(mixing, Residual(GatedMlp(channels, 2 * channels), ChannelRMSNorm(channels)))

    def trained(build):
        torch.manual_seed(0)
        network = LanguageModel(tokens, channels, [layer(build()) for _ in range(2)], positions=32)
        fit(network, x, y, steps=500, recipe=Recipe(batch=16, label_smoothing=0.0))
        return perplexity(network, x_test, y_test)

    mixed = trained(lambda: CausalFourierMixing1d(channels, 4096))
    alone, unigram = trained(nn.Identity), unigram_perplexity(x, y_test, tokens)
    print(f"perplexity: causal Fourier mixing {mixed:.2f}, no mixing {alone:.2f}, unigram {unigram:.2f}")
    assert mixed < 0.97 * alone < 0.97 * unigram
