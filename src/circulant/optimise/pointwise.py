"""Activations as oneDNN knows them, and the modules, functions and methods that compute them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from circulant.core.tried import Failure, tried
from circulant.optimise.traced import called


@final
@dataclass(frozen=True, slots=True)
class Pointwise:
    name: str = "none"
    scalars: tuple[float, ...] = ()
    algorithm: str = ""

    def __call__(self, y: Tensor) -> Tensor:
        """As torch computes it."""
        if self.name == "gelu":
            return F.gelu(y, approximate=self.algorithm)
        return FUNCTIONS[self.name](y, *self.scalars)

    @property
    def settings(self) -> tuple[str, list[float], str]:
        return self.name, list(self.scalars), self.algorithm


NOTHING = Pointwise()


def _plain(name: str) -> Callable[..., Pointwise]:
    return lambda inplace=False: Pointwise(name)


def _hardtanh(min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Pointwise:
    return Pointwise("hardtanh", (float(min_val), float(max_val)))


def _leaky_relu(negative_slope: float = 0.01, inplace: bool = False) -> Pointwise:
    return Pointwise("leaky_relu", (float(negative_slope),))


def _gelu(approximate: str = "none") -> Pointwise:
    return Pointwise("gelu", (), approximate)


FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "none": lambda y: y,
    "relu": F.relu,
    "hardtanh": F.hardtanh,
    "leaky_relu": F.leaky_relu,
    "swish": F.silu,
    "hardswish": F.hardswish,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}
MODULES: dict[type[nn.Module], Callable[[Any], Pointwise]] = {
    nn.ReLU: lambda layer: Pointwise("relu"),
    nn.ReLU6: lambda layer: _hardtanh(0, 6),
    nn.Hardtanh: lambda layer: _hardtanh(layer.min_val, layer.max_val),
    nn.LeakyReLU: lambda layer: _leaky_relu(layer.negative_slope),
    nn.SiLU: lambda layer: Pointwise("swish"),
    nn.Hardswish: lambda layer: Pointwise("hardswish"),
    nn.Sigmoid: lambda layer: Pointwise("sigmoid"),
    nn.Tanh: lambda layer: Pointwise("tanh"),
    nn.GELU: lambda layer: _gelu(layer.approximate),
}
CALLS: dict[Any, Callable[..., Pointwise]] = {  # by function or name of a method: of the other arguments
    **dict.fromkeys((F.relu, torch.relu, torch.relu_, "relu", "relu_"), _plain("relu")),
    **dict.fromkeys((torch.sigmoid, torch.sigmoid_, "sigmoid", "sigmoid_"), _plain("sigmoid")),
    **dict.fromkeys((torch.tanh, torch.tanh_, "tanh", "tanh_"), _plain("tanh")),
    F.relu6: lambda inplace=False: _hardtanh(0, 6),
    F.silu: _plain("swish"),
    F.hardswish: _plain("hardswish"),
    F.hardtanh: _hardtanh,
    F.leaky_relu: _leaky_relu,
    F.gelu: _gelu,
}


def pointwise_of(layer: Any) -> Pointwise | None:
    """None where oneDNN does not know the module."""
    read = MODULES.get(type(layer))
    return None if read is None else read(layer)


def pointwise_call(twin: fx.GraphModule, node: fx.Node) -> Pointwise | None:
    """What a call computes of its first argument; None where oneDNN does not know it."""
    if node.op == "call_module":
        return pointwise_of(called(twin, node))
    is_call = node.op in ("call_function", "call_method") and node.target in CALLS
    if not is_call or node.all_input_nodes != list(node.args[:1]):
        return None
    found = tried(lambda: CALLS[node.target](*node.args[1:], **node.kwargs))
    return None if isinstance(found, Failure) else found
