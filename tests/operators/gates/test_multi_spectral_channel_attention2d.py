"""What multi-spectral channel attention must hold beyond the contract."""

import pytest
import scipy.fft
import torch
import torch.nn.functional as F

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.gates.multi_spectral_channel_attention2d import (
    TOP_FREQUENCIES,
    MultiSpectralChannelAttention2d,
    dct_basis,
    dct_channel_pool,
)
from circulant.operators.gates.squeeze_excitation import SqueezeExcitation2d

torch.set_num_threads(1)


def built(*args, **kwargs):
    torch.manual_seed(0)
    return MultiSpectralChannelAttention2d(*args, dtype=torch.float64, **kwargs)


def random(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("size", [(7, 7), (14, 28), (9, 10)])
def test_pooled_values_are_coefficients_of_the_orthonormal_cosine_transform(size):
    x = random(2, 32, *size)
    spectrum = scipy.fft.dctn(x.numpy(), axes=(2, 3), norm="ortho")
    pooled = dct_channel_pool(x, dct_basis(TOP_FREQUENCIES, size))
    expected = torch.stack(
        [torch.from_numpy(spectrum[:, c, *TOP_FREQUENCIES[c // 2]]) for c in range(32)], dim=1
    )
    assert_close(pooled, expected, 1e-12)


@pytest.mark.parametrize(("size", "factors"), [((7, 7), (1, 1)), ((14, 21), (2, 3)), ((56, 13), (8, 1))])
def test_frequencies_of_the_grid_are_multiplied_on_larger_pictures(size, factors):
    module = built(16, size)
    scaled = [(u * factors[0], v * factors[1]) for u, v in TOP_FREQUENCIES]
    assert torch.equal(module.basis, dct_basis(scaled, size))


def test_the_published_frequencies_are_sixteen_different_places_of_the_grid():
    assert len(set(TOP_FREQUENCIES)) == 16
    assert all(0 <= number < 7 for frequency in TOP_FREQUENCIES for number in frequency)


@pytest.mark.parametrize("size", [(7, 7), (8, 13)])
def test_frequency_zero_alone_is_squeeze_excitation_of_the_mean_times_the_root_of_the_area(size):
    module = built(8, size, 2, frequencies=((0, 0),))
    squeeze = SqueezeExcitation2d(8, 2, bias=False, dtype=torch.float64)
    squeeze.load_state_dict(module.state_dict())
    with torch.no_grad():
        squeeze.reduce.weight.mul_((size[0] * size[1]) ** 0.5)
    x = random(3, 8, *size)
    assert_close(module(x), squeeze(x), 1e-12)


@pytest.mark.parametrize("channels", [64, 256, 2048])
def test_it_has_the_parameters_of_squeeze_excitation_without_biases(channels):
    module = MultiSpectralChannelAttention2d(channels, 7)
    squeeze = SqueezeExcitation2d(channels, bias=False)
    names = {name: value.shape for name, value in module.named_parameters()}
    assert names == {name: value.shape for name, value in squeeze.named_parameters()}
    assert sum(value.numel() for value in module.parameters()) == 2 * channels**2 // 16
    assert module.state_dict().keys() == squeeze.state_dict().keys()


def test_pictures_of_equal_means_and_different_texture_get_different_gates():
    module, squeeze = built(16, 7), SqueezeExcitation2d(16, bias=False, dtype=torch.float64)
    smooth = torch.ones(1, 16, 7, 7, dtype=torch.float64)
    ramp = torch.linspace(-1, 1, 7, dtype=torch.float64)
    textured = smooth + ramp[:, None] + ramp

    def gate(network, x):
        return torch.special.logit((network(x) / x)[0, :, 1, 2])

    assert_close(gate(squeeze, textured), gate(squeeze, smooth), 1e-10)
    assert (gate(module, textured) - gate(module, smooth)).abs().max() > 0.05


def test_a_picture_of_another_size_is_averaged_first():
    module = built(16, (7, 14))
    x = random(2, 16, 21, 28)
    averaged = F.avg_pool2d(x, (3, 2))
    gate = module(averaged) / averaged
    assert_close(module(x), x * gate[:, :, :1, :1], 1e-10)


@pytest.mark.parametrize(
    ("arguments", "options", "says"),
    [
        ((24, 7), {}, "multiple of 16"),
        ((16, 6), {}, "size of 7 or more"),
        ((16, 7, 17), {}, "reduction"),
        ((16, 7), {"frequencies": ()}, "multiple of 0"),
        ((16, 7), {"frequencies": ((0, 7),)}, "frequencies from 0 to 6"),
    ],
)
def test_arguments_that_fit_no_basis_are_refused(arguments, options, says):
    with pytest.raises(ArgumentError, match=says):
        MultiSpectralChannelAttention2d(*arguments, **options)
