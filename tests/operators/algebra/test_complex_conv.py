"""What complex convolution on real pairs must hold beyond the contract."""

from math import cos, sin

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.algebra.complex_conv import BY_NDIM, CARD, ComplexConv1d, ComplexConv2d

torch.set_num_threads(1)

CONV = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
SPATIAL = {1: (12,), 2: (6, 7), 3: (5, 6, 5)}
OPTIONS = (
    {},
    {"stride": 2, "padding": 1},
    {"dilation": 2, "bias": False},
    {"groups": 2, "padding": "same"},
    {"padding": 2, "padding_mode": "circular"},
)


def built(ndim, *args, **kwargs):
    torch.manual_seed(0)
    return BY_NDIM[ndim](*args, dtype=torch.float64, **kwargs)


def random(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def as_complex(pairs, axis=1):
    return torch.complex(*pairs.chunk(2, axis))


@pytest.mark.parametrize("gauss", [False, True])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_it_equals_the_complex_layer_of_torch(ndim, options, gauss):
    conv = CONV[ndim](4, 6, 3, dtype=torch.complex128, **options)
    module = BY_NDIM[ndim].from_conv(conv, gauss=gauss)
    x = random(2, 8, *SPATIAL[ndim])
    expected = conv(as_complex(x))
    assert_close(module(x), torch.cat((expected.real, expected.imag), 1), 1e-10)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_it_becomes_the_complex_layer_of_torch(options):
    module, x = built(2, 4, 6, 3, **options), random(2, 8, 6, 7)
    conv = module.to_conv()
    assert conv.weight.dtype == torch.complex128
    assert_close(torch.view_as_real(conv(as_complex(x))), torch.view_as_real(as_complex(module(x))), 1e-10)


def test_three_products_agree_with_four():
    module, x = built(2, 4, 6, 3, padding=1), random(2, 8, 6, 7)
    expected = module(x)
    module.gauss = True
    assert_close(module(x), expected, 1e-13)


def test_three_products_take_three_quarters_of_the_work():
    four, three = built(2, 4, 6, 3), built(2, 4, 6, 3, gauss=True)
    assert three.cost((2, 8, 9, 9)).flop == 0.75 * four.cost((2, 8, 9, 9)).flop > 0


@pytest.mark.parametrize("gauss", [False, True])
@pytest.mark.parametrize("angle", [0.3, 1.9, -2.5])
def test_without_bias_a_rotation_of_the_input_rotates_the_output(angle, gauss):
    module = built(2, 3, 4, 3, padding=1, bias=False, gauss=gauss)

    def rotated(pairs):
        u, v = pairs.chunk(2, 1)
        return torch.cat((cos(angle) * u - sin(angle) * v, sin(angle) * u + cos(angle) * v), 1)

    x = random(2, 6, 5, 6)
    assert_close(module(rotated(x)), rotated(module(x)), 1e-12)


def test_the_bias_is_added_once_to_each_part():
    module = built(1, 2, 3, 3)
    with torch.no_grad():
        module.bias.copy_(torch.tensor([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]]))
    y = module(torch.zeros(1, 4, 3, dtype=torch.float64))
    assert y.flatten().tolist() == [1.0, 2.0, 3.0, 10.0, 20.0, 30.0]


def test_a_real_layer_acts_on_both_parts_alike():
    conv = nn.Conv2d(3, 5, 3, bias=False, dtype=torch.float64)
    x = random(2, 6, 7, 6)
    expected = torch.cat([conv(part) for part in x.chunk(2, 1)], 1)
    assert_close(ComplexConv2d.from_conv(conv)(x), expected, 1e-12)


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_it_has_twice_the_parameters_of_the_real_layer_of_as_many_channels(ndim):
    module, conv = BY_NDIM[ndim](5, 7, 3, device="meta"), CONV[ndim](5, 7, 3, device="meta")
    assert sum(p.numel() for p in module.parameters()) == 2 * sum(p.numel() for p in conv.parameters())


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_an_example_without_a_batch_axis_gives_what_it_gives_in_a_batch(ndim):
    module, x = built(ndim, 2, 3, 3, padding=1), random(4, *SPATIAL[ndim])
    assert_close(module(x), module(x[None])[0], 1e-15)


def test_causal_padding_looks_back_only():
    module, x = built(1, 1, 2, 4, padding="causal"), random(1, 2, 9)
    changed = x.clone()
    changed[..., 5:] = 0
    difference = (module(changed) - module(x)).abs().amax((0, 1))
    assert difference[:5].max() == 0
    assert difference[5:].min() > 0


def test_arguments_that_fit_no_input_are_refused():
    with pytest.raises(ArgumentError, match="kernel_size of 1 or more"):
        ComplexConv1d(2, 2, 0)
    with pytest.raises(ArgumentError, match="groups = 3"):
        ComplexConv1d(2, 3, 1, groups=3)


def test_an_odd_number_of_channels_cannot_be_mixed():
    with pytest.raises(ArgumentError, match="even number of channels"):
        CARD.mixer(5, (8, 8))
