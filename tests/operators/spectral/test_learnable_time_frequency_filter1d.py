"""The learnt bank as transform, as one kernel, and inside a small GPT."""

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.data.text import stdlib_text, windows
from circulant.engine.long_conv import long_conv
from circulant.models.channel_norm import ChannelRMSNorm
from circulant.models.language_model import LanguageModel, mixing_layer
from circulant.models.residual import Residual
from circulant.operators.sequence.chunked_attention1d import ChunkedAttention1d
from circulant.operators.spectral.learnable_time_frequency_filter1d import LearnableTimeFrequencyFilter1d
from circulant.train.fit import fit
from circulant.train.perplexity import perplexity
from circulant.train.recipe import Recipe


def built(*args):
    torch.manual_seed(0)
    return LearnableTimeFrequencyFilter1d(*args, dtype=torch.float64)


def drawn(*shape):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("taps", [1, 2, 7, 16])
def test_fourier_kernels_and_unit_gains_give_the_signal_back(taps):
    module, x = built(3, taps, 20), drawn(2, 3, 40)
    module.fourier_()
    assert_close(module(x), x, 1e-8)


def test_a_gain_of_one_frequency_filters_it_out():
    module = built(1, 16, 18)
    module.fourier_()
    with torch.no_grad():
        module.gain[:, 4] = 0
    wave = torch.cos(2 * torch.pi * 4 * torch.arange(60, dtype=torch.float64) / 16)[None, None]
    other = torch.cos(2 * torch.pi * 3 * torch.arange(60, dtype=torch.float64) / 16)[None, None]
    settled = slice(15, None)
    assert module(wave)[..., settled].abs().max() < 1e-12
    assert_close(module(other)[..., settled], other[..., settled], 1e-10)


def test_it_is_one_causal_kernel_of_each_channel():
    module, x = built(3, 8, 11), drawn(2, 3, 30)
    with torch.no_grad():
        module.gain.normal_()
    kernel = module.impulse_response()
    assert kernel.shape == (3, 8)
    bank = torch.einsum("f,cf,fm->cm", module.synthesis, module.gain, module.analysis)
    assert_close(kernel, bank)
    assert_close(module(x), long_conv(x, bank))


@pytest.mark.parametrize("taps", [8, 32])
def test_what_comes_later_does_not_change_a_bit(taps):
    module, x = built(3, taps, 11), drawn(2, 3, 30)
    other = x.clone()
    other[..., 17:] = 1e6
    assert torch.equal(module(x)[..., :17], module(other)[..., :17])
    assert not torch.equal(module(x)[..., 17], module(other)[..., 17])


def test_parameters_are_few():
    module = LearnableTimeFrequencyFilter1d(256)
    assert sum(p.numel() for p in module.parameters()) == 144 * 32 + 144 + 256 * 144


def test_settings_that_do_not_fit_are_refused():
    with pytest.raises(ArgumentError, match="18 kernels or more for a transform of 16"):
        built(2, 16, 17).fourier_()
    with pytest.raises(ArgumentError, match="of 1 or more"):
        LearnableTimeFrequencyFilter1d(2, 0)


@pytest.mark.slow
def test_a_small_gpt_has_a_lower_loss_with_it_after_as_many_steps():
    text, channels = stdlib_text(), 32
    x, y = (torch.from_numpy(codes) for codes in windows(text.train, 32))
    x_test, y_test = (torch.from_numpy(codes) for codes in windows(text.test, 32))

    def trained(filtered):
        torch.manual_seed(0)
        layers = []
        for _ in range(2):
            if filtered:
                bank = LearnableTimeFrequencyFilter1d(channels, 16, 36)
                layers.append(Residual(bank, ChannelRMSNorm(channels), channels=channels, scale=0.3))
            layers.append(mixing_layer(channels, ChunkedAttention1d(channels, 32)))
        network = LanguageModel(len(text.characters), channels, layers, positions=32)
        fit(network, x, y, steps=250, recipe=Recipe(batch=16, learning_rate=4e-3, label_smoothing=0.0))
        return perplexity(network, x_test, y_test)

    filtered, plain = trained(True), trained(False)
    print(f"perplexity: GPT with filters {filtered:.2f}, without {plain:.2f}")
    assert filtered < 0.97 * plain
