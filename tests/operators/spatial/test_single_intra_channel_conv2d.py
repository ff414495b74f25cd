"""Single intra-channel convolution: torch's layers with a residual, and digits read by three schemes."""

from functools import cache

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.data.mnist import mnist_5k
from circulant.models.residual import Residual
from circulant.operators.spatial.depthwise_conv import DepthwiseConv2d
from circulant.operators.spatial.single_intra_channel_conv2d import SingleIntraChannelConv2d
from circulant.operators.spatial.spatial_bottleneck_conv2d import SpatialBottleneckConv2d
from circulant.operators.spatial.topological_pointwise import TopologicalPointwise
from circulant.train.fit import fit


@pytest.mark.parametrize(("ins", "outs", "stride"), [(4, 4, 1), (4, 6, 1), (4, 4, 2)])
def test_the_input_is_added_where_shapes_allow_it(ins, outs, stride):
    module = SingleIntraChannelConv2d(ins, outs, 3, stride, dtype=torch.float64)
    layer = module.stack[0]
    x = torch.randn(2, ins, 7, 8, dtype=torch.float64)
    seen = F.conv2d(x, layer.weight, layer.bias, stride, 1, groups=ins)
    mixed = F.conv2d(seen, layer.mix.weight, layer.mix.bias)
    expected = x + mixed if (ins, stride) == (outs, 1) else mixed
    assert_close(module(x), expected.relu(), 1e-12)


def test_a_row_of_layers_is_one_after_the_other():
    module = SingleIntraChannelConv2d(2, 4, 3, 2, layers=3)
    x = torch.randn(1, 2, 6, 6)
    y = x
    for layer in module.stack:
        y = layer(y)
    assert_close(module(x), y)
    assert [layer.is_residual for layer in module.stack] == [False, True, True]


@pytest.mark.parametrize(("stride", "layers"), [(1, 1), (1, 2), (2, 2)])
def test_multiply_adds_are_the_closed_formula(stride, layers):
    I, O, H, W, K = 16, 24, 12, 8, 3
    module = SingleIntraChannelConv2d(I, O, K, stride, layers=layers, device="meta")
    positions = H * W // stride**2
    first = positions * I * (K**2 + O)
    later = (layers - 1) * positions * O * (K**2 + O)
    assert module.cost((1, I, H, W)).flop == 2 * (first + later)


C = 16
SCHEMES = {
    "intra-channel": lambda: SingleIntraChannelConv2d(C, C, layers=2),
    "topological": lambda: Residual(
        nn.Sequential(DepthwiseConv2d(C, (3, 3)), TopologicalPointwise(C, (4, 4), (3, 3)))
    ),
    "bottleneck": lambda: SpatialBottleneckConv2d(C, C, 2, 4),
}


def accuracy(scheme) -> float:
    """On unseen digits, of a small network whose middle layers are of that scheme."""
    x, y, unseen_x, unseen_y = digits()
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, C, 3, 2, 1), nn.BatchNorm2d(C), nn.ReLU()]
    for _ in range(2):
        layers += [scheme(), nn.BatchNorm2d(C), nn.ReLU()]
    network = nn.Sequential(*layers, nn.MaxPool2d(2), nn.Flatten(), nn.Linear(49 * C, 10))
    fit(network, x, y, steps=250)
    with torch.no_grad():
        return (network(unseen_x).argmax(1) == unseen_y).float().mean().item()


@cache
def digits() -> tuple[torch.Tensor, ...]:
    data = mnist_5k(0)
    return tuple(map(torch.tensor, (data.train.x, data.train.y, data.test.x, data.test.y)))


@cache
def dense() -> float:
    return accuracy(lambda: nn.Conv2d(C, C, 3, padding=1))


@pytest.mark.slow
@pytest.mark.parametrize("scheme", SCHEMES)
def test_digits_are_read_within_two_points_of_a_dense_convolution(scheme):
    assert accuracy(SCHEMES[scheme]) > dense() - 0.02
