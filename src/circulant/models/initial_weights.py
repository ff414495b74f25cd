"""What the weights of a network are before its training, where its authors chose otherwise than torch."""

from math import sqrt

from torch import nn

from circulant.core.sizes import product
from circulant.engine.conv_settings import CONVOLUTIONS
from circulant.operators.spatial.depthwise_conv import DepthwiseConv2d
from circulant.operators.spatial.same_conv2d import SameConv2d

SPREAD = 0.02


def narrow_normal_weights(network: nn.Module) -> None:
    """Linear maps and convolutions: a truncated normal distribution of width 0.02, biases 0."""
    for layer in network.modules():
        if isinstance(layer, (nn.Linear, DepthwiseConv2d, SameConv2d, *CONVOLUTIONS)):
            _narrow_normal(layer)


def outgoing_normal_weights(network: nn.Module) -> None:
    """Convolutions: variance 2 / (taps x outputs of a group); linear maps: width 0.02; biases 0."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            _narrow_normal(layer)
        elif isinstance(layer, CONVOLUTIONS):
            _outgoing_normal(layer, layer.groups)
        elif isinstance(layer, DepthwiseConv2d):
            _outgoing_normal(layer, layer.channels)
        elif isinstance(layer, SameConv2d):
            _outgoing_normal(layer, layer.settings.groups)


def _narrow_normal(layer: nn.Module) -> None:
    nn.init.trunc_normal_(layer.get_parameter("weight"), std=SPREAD)
    _no_bias(layer)


def _outgoing_normal(layer: nn.Module, groups: int) -> None:
    weight = layer.get_parameter("weight")
    outgoing = product(weight.shape[2:]) * weight.shape[0] // groups
    nn.init.normal_(weight, std=sqrt(2 / outgoing))
    _no_bias(layer)


def _no_bias(layer: nn.Module) -> None:
    for name, parameter in layer.named_parameters(recurse=False):
        if name == "bias":
            nn.init.zeros_(parameter)
