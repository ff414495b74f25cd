"""The arguments of torch's convolutions: sizes and values as in its own layers, and clear refusals."""

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError, DtypeError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.engine.conv_settings import conv_settings, padding_of, settings_of

LAYERS = {
    "plain": (nn.Conv1d(2, 3, 3), (2, 2, 9)),
    "strided": (nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 2), (1, 2), 2), (1, 4, 7, 6)),
    "same": (nn.Conv2d(2, 2, (3, 5), padding="same", dilation=(2, 1), bias=False), (2, 2, 6, 7)),
    "valid": (nn.Conv3d(1, 2, 2, padding="valid"), (1, 1, 3, 4, 3)),
    "circular": (nn.Conv1d(2, 2, 5, padding=2, groups=2, padding_mode="circular"), (3, 2, 8)),
    "reflect": (nn.Conv2d(1, 2, 3, 2, padding=(1, 2), padding_mode="reflect"), (1, 1, 5, 6)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_they_say_what_a_layer_of_torch_does(name):
    layer, shape = LAYERS[name]
    x, settings = torch.randn(shape), settings_of(layer)
    assert settings.weight_shape == layer.weight.shape
    y = settings.convolve(x, layer.weight, layer.bias)
    assert_close(y, layer(x))
    assert_close(settings.convolve(x[0], layer.weight, layer.bias), y[0])
    assert settings.cost(shape).flop == 2 * y.numel() * layer.weight[0].numel()


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_made_from_them_computes_the_same(name):
    layer, shape = LAYERS[name]
    x, made = torch.randn(shape), settings_of(layer).layer(layer.weight, layer.bias)
    assert type(made) is type(layer)
    assert_close(made(x), layer(x))


def test_causal_padding_lies_before_the_first_sample():
    assert padding_of("causal", (3, 4), (1, 2), (2, 1)) == ((4, 0), (3, 0))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"kernel_size": 0}, "kernel_size of 1 or more"),
        ({"kernel_size": (3, 3, 3)}, "kernel_size as one int or 2"),
        ({"stride": (1, 0)}, "stride of 1 or more"),
        ({"dilation": -1}, "dilation of 1 or more"),
        ({"padding": -1}, "padding of 0 or more"),
        ({"padding": "full"}, "'valid', 'same' or 'causal', got 'full'"),
        ({"padding": "same", "stride": 2}, "expected stride 1 with padding 'same'"),
        ({"groups": 3}, "multiples of groups"),
        ({"groups": 0}, "multiples of groups"),
        ({"padding_mode": "mirror"}, "padding_mode among zeros, circular, reflect, replicate"),
    ],
)
def test_arguments_that_cannot_be_are_refused(arguments, words):
    with pytest.raises(ArgumentError, match=words):
        conv_settings(2, **{"in_channels": 4, "out_channels": 2, "kernel_size": 3, **arguments})


def test_inputs_that_do_not_fit_are_refused():
    settings = conv_settings(2, 4, 2, 3)
    settings.require_input(torch.zeros(4, 5, 5))
    settings.require_input(torch.zeros(2, 4, 5, 5))
    for shape in ((4, 5), (2, 3, 5, 5), (3, 5, 5), (1, 2, 4, 5, 5)):
        with pytest.raises(ShapeError, match=r"\(B, C, H, W\) or \(C, H, W\) with C = 4"):
            settings.require_input(torch.zeros(shape))
    with pytest.raises(DtypeError, match=r"got torch\.int64"):
        settings.require_input(torch.zeros(2, 4, 5, 5, dtype=torch.int64))


def test_padding_that_torch_does_not_know_cannot_become_a_layer_of_torch():
    settings = conv_settings(1, 2, 2, 3, padding="causal")
    with pytest.raises(ArgumentError, match=r"padding that torch\.nn\.Conv1d knows"):
        settings.layer(torch.zeros(settings.weight_shape), None)
