"""What calls of a network do to channels."""

import operator
from enum import Enum, auto
from typing import Any, final

import torch
from torch import fx, nn
from torch.nn import functional as F


@final
class Call(Enum):
    EACH_CHANNEL = auto()  # acts on each channel alone
    TOGETHER = auto()  # combines channel by channel
    JOINED = auto()  # lays channels side by side
    FLATTENED = auto()  # lays the positions of each channel side by side
    SIZE = auto()  # reads no channel, only how many there are
    UNKNOWN = auto()


EACH_CHANNEL_LAYERS = (
    nn.Identity, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Mish, nn.Sigmoid, nn.Tanh,
    nn.Hardswish, nn.Hardsigmoid, nn.Hardtanh, nn.Softplus, nn.Dropout, nn.Dropout1d, nn.Dropout2d,
    nn.Dropout3d, nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d,
    nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d, nn.AdaptiveMaxPool1d,
    nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d, nn.Upsample, nn.ZeroPad2d, nn.ReflectionPad2d,
)  # fmt: skip
EACH_CHANNEL_FUNCTIONS: tuple[Any, ...] = (
    F.relu, torch.relu, F.leaky_relu, F.elu, F.gelu, F.silu, F.dropout, F.interpolate, torch.tanh,
    torch.sigmoid, F.max_pool1d, F.max_pool2d, F.max_pool3d, F.avg_pool1d, F.avg_pool2d, F.avg_pool3d,
    F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d, F.adaptive_max_pool1d,
    F.adaptive_max_pool2d, F.adaptive_max_pool3d,
)  # fmt: skip
EACH_CHANNEL_METHODS = ("relu", "relu_", "tanh", "sigmoid", "contiguous", "clone")
TOGETHER_BY_SUM = (operator.add, operator.iadd, torch.add)
TOGETHER = (*TOGETHER_BY_SUM, operator.sub, operator.mul, torch.sub, torch.mul)


def call_of(node: fx.Node, layer: nn.Module | None) -> Call:
    """What a node of a traced network does; layer: the module that it calls."""
    if layer is not None:
        flattens = isinstance(layer, nn.Flatten) and (layer.start_dim, layer.end_dim) == (1, -1)
        return _chosen(type(layer) in EACH_CHANNEL_LAYERS, flattens)
    if node.op == "call_function":
        return _function(node)
    if node.op != "call_method":
        return Call.UNKNOWN
    if node.target in ("size", "dim"):
        return Call.SIZE
    means = node.target == "mean" and _keeps_channels(node)
    args: Any = node.args
    viewed = node.target in ("view", "reshape") and len(args) == 3 and args[2] == -1
    flattens = node.target == "flatten" and args[1:] in ((1,), (1, -1))
    return _chosen(node.target in EACH_CHANNEL_METHODS or means, flattens or viewed)


def _function(node: fx.Node) -> Call:
    if node.target is getattr and node.args[1] in ("shape", "ndim", "dtype", "device"):
        return Call.SIZE
    if node.target in TOGETHER:
        tensors = len(node.all_input_nodes)
        return Call.TOGETHER if tensors == 2 else _chosen(tensors == 1 and _by_number(node), False)
    if node.target in (torch.cat, torch.concat):
        along = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
        return Call.JOINED if along == 1 else Call.UNKNOWN
    means = node.target is torch.mean and _keeps_channels(node)
    return _chosen(
        node.target in EACH_CHANNEL_FUNCTIONS or means,
        node.target is torch.flatten and node.args[1:] in ((1,), (1, -1)),
    )


def _by_number(node: fx.Node) -> bool:
    """A sum with itself or with a number."""
    return all(isinstance(each, fx.Node | int | float) for each in node.args)


def _keeps_channels(node: fx.Node) -> bool:
    """A mean over axes after the second."""
    axes = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim")
    listed = axes if isinstance(axes, list | tuple) else [axes]
    return all(isinstance(axis, int) and (axis >= 2 or axis == -1) for axis in listed)


def _chosen(each_channel: bool, flattens: bool) -> Call:
    return Call.EACH_CHANNEL if each_channel else Call.FLATTENED if flattens else Call.UNKNOWN
