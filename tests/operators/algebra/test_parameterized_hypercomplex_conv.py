"""What convolution over a learnt algebra must hold beyond the contract."""

import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.algebra.parameterized_hypercomplex_conv import (
    BY_NDIM,
    ParameterizedHypercomplexConv1d,
    ParameterizedHypercomplexConv2d,
)

torch.set_num_threads(1)

CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
SPATIAL = {1: (11,), 2: (6, 7), 3: (4, 5, 4)}


def built(ndim, *args, **kwargs):
    torch.manual_seed(0)
    return BY_NDIM[ndim](*args, dtype=torch.float64, **kwargs)


def random(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def set_algebra(module, tables):
    with torch.no_grad():
        module.algebra.copy_(torch.tensor(tables))


QUATERNION = [  # left multiplication by 1, i, j and k
    [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]],
    [[0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 0, -1], [0, 0, 1, 0]],
    [[0, 0, -1, 0], [0, 0, 0, 1], [1, 0, 0, 0], [0, -1, 0, 0]],
    [[0, 0, 0, -1], [0, 0, -1, 0], [0, 1, 0, 0], [1, 0, 0, 0]],
]


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_four_dimensions_with_the_quaternion_table_are_the_quaternion_convolution(ndim):
    module = built(ndim, 8, 12, 3, padding=1, n=4)
    set_algebra(module, QUATERNION)
    x = random(2, 8, *SPATIAL[ndim])

    def conv(component, values):
        return CONV[ndim](values, module.filters[component], padding=1)

    r, i, j, k = x.chunk(4, 1)
    hamilton_product = (
        conv(0, r) - conv(1, i) - conv(2, j) - conv(3, k),
        conv(0, i) + conv(1, r) + conv(2, k) - conv(3, j),
        conv(0, j) - conv(1, k) + conv(2, r) + conv(3, i),
        conv(0, k) + conv(1, j) - conv(2, i) + conv(3, r),
    )
    expected = torch.cat(hamilton_product, 1) + module.bias.view(-1, *(1,) * ndim)
    assert_close(module(x), expected, 1e-12)


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_two_dimensions_with_the_complex_table_are_the_complex_convolution(ndim):
    module = built(ndim, 6, 4, 3, stride=2, bias=False, n=2)
    set_algebra(module, [[[1, 0], [0, 1]], [[0, -1], [1, 0]]])
    x = random(2, 6, *SPATIAL[ndim])
    expected = CONV[ndim](torch.complex(*x.chunk(2, 1)), torch.complex(*module.filters), stride=2)
    assert_close(module(x), torch.cat((expected.real, expected.imag), 1), 1e-12)


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_one_dimension_with_table_one_is_the_real_convolution(ndim):
    module = built(ndim, 3, 5, 2, dilation=2, n=1)
    set_algebra(module, [[[1]]])
    x = random(2, 3, *SPATIAL[ndim])
    assert_close(module(x), CONV[ndim](x, module.filters[0], module.bias, dilation=2), 1e-12)


def test_the_groups_are_convolutions_of_their_own_over_one_algebra():
    module = built(1, 8, 4, 3, groups=2, bias=False, n=2)
    x = random(2, 8, 9)
    halves = []
    for part, filters in zip(x.chunk(2, 1), module.filters.chunk(2, 1)):
        half = built(1, 4, 2, 3, bias=False, n=2)
        half.load_state_dict({"algebra": module.algebra.detach(), "filters": filters.detach()})
        halves.append(half(part))
    assert_close(module(x), torch.cat(halves, 1), 1e-12)


@pytest.mark.parametrize(
    ("ndim", "n", "in_channels", "out_channels", "kernel"),
    [(1, 2, 4, 6, 5), (2, 3, 60, 120, 3), (2, 4, 64, 64, 3), (2, 4, 64, 128, 1), (3, 4, 8, 4, 3)],
)
def test_the_weights_number_n_cubed_and_an_nth_of_the_real_ones(ndim, n, in_channels, out_channels, kernel):
    module = BY_NDIM[ndim](in_channels, out_channels, kernel, n=n, bias=False, device="meta")
    count = sum(value.numel() for value in module.parameters())
    assert count == n**3 + in_channels * out_channels * kernel**ndim // n


def test_the_bias_is_added():
    module = built(2, 4, 4, 3)
    assert_close(module(torch.zeros(1, 4, 5, 5, dtype=torch.float64))[0, :, 1, 1], module.bias, 1e-15)
    assert module.bias.abs().max() > 0.01


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_an_example_without_a_batch_axis_gives_what_it_gives_in_a_batch(ndim):
    module, x = built(ndim, 4, 8, 3, padding=1), random(4, *SPATIAL[ndim])
    assert_close(module(x), module(x[None])[0], 1e-15)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("padding", [1, "same", "valid"])
@pytest.mark.parametrize("padding_mode", ["zeros", "circular", "reflect", "replicate"])
def test_the_torch_layer_that_it_becomes_computes_the_same(padding, padding_mode):
    module = built(2, 4, 8, (3, 2), padding=padding, padding_mode=padding_mode, groups=2, n=2)
    x, conv = random(2, 4, 5, 6), module.to_conv()
    assert type(conv) is nn.Conv2d
    assert_close(conv(x), module(x), 1e-12)


def test_no_torch_layer_pads_causally():
    with pytest.raises(ArgumentError, match=r"expected padding that torch\.nn\.Conv1d knows"):
        built(1, 4, 4, 3, padding="causal").to_conv()


@pytest.mark.parametrize("groups", [1, 2])
def test_a_weight_that_is_such_a_sum_is_found_again(groups):
    conv = built(2, 8, 12, 3, stride=2, groups=groups, n=2).to_conv()
    found = ParameterizedHypercomplexConv2d.from_conv(conv, n=2)
    assert_close(found.composed_weight(), conv.weight, 1e-12)
    x = random(2, 8, 7, 7)
    assert_close(found(x), conv(x), 1e-12)


def test_any_torch_layer_is_one_over_the_algebra_of_dimension_one():
    conv = nn.Conv1d(3, 5, 4, padding=2, dilation=2, padding_mode="circular", dtype=torch.float64)
    x = random(2, 3, 9)
    assert_close(ParameterizedHypercomplexConv1d.from_conv(conv, n=1)(x), conv(x), 1e-12)


def test_of_other_weights_the_nearest_sum_is_taken():
    conv = nn.Conv2d(6, 9, 3, dtype=torch.float64)
    found = ParameterizedHypercomplexConv2d.from_conv(conv, n=3)

    def distance():
        return (found.composed_weight() - conv.weight).square().sum()

    least = distance()
    slopes = torch.autograd.grad(least, (found.algebra, found.filters))
    assert max(slope.abs().max() for slope in slopes) < 1e-12
    assert 0 < least < 0.6 * conv.weight.square().sum()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"n": 3}, "n = 3"),
        ({"n": 0}, "n = 0"),
        ({"n": 2, "groups": 4}, "groups = 4"),
        ({"stride": 0}, "stride of 1 or more"),
        ({"padding": "same", "stride": 2}, "stride 1"),
        ({"padding_mode": "mirror"}, "'mirror'"),
    ],
)
def test_arguments_that_fit_no_input_are_refused(wrong, says):
    with pytest.raises(ArgumentError, match=says):
        ParameterizedHypercomplexConv2d(4, 8, 3, **wrong)


def trained_accuracy(conv):
    """On every fourth digit, after six passes over the others."""
    digits = load_digits()
    x = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16
    y, held_out = torch.tensor(digits.target), torch.arange(len(x)) % 4 == 0
    net = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), conv, nn.BatchNorm2d(16), nn.ReLU(),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip
    optimiser = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(6):
        for batch in torch.randperm(int((~held_out).sum())).split(64):
            optimiser.zero_grad()
            F.cross_entropy(net(x[~held_out][batch]), y[~held_out][batch]).backward()
            optimiser.step()
    return (net.eval()(x[held_out]).argmax(1) == y[held_out]).float().mean().item()


def test_digits_are_learnt_by_the_real_layer_and_over_an_algebra(record_property):
    torch.manual_seed(0)
    layers = {
        "real": nn.Conv2d(16, 16, 3, padding=1),
        "hypercomplex": ParameterizedHypercomplexConv2d(16, 16, 3, padding=1, n=4),
    }
    for name, layer in layers.items():
        accuracy = trained_accuracy(layer)
        record_property(f"accuracy of the {name} layer", accuracy)
        assert accuracy > 0.9
