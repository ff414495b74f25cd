"""Convolutions and linear layers of torch for inference, with their weights laid out once by oneDNN.

torch hands a weight over as it stands, so that oneDNN rearranges it in every call, and leaves linear layers
in float32 to another library. Inference runtimes rearrange when they load a model; here it happens at the
first call, and the result is kept beside the weight for as long as that lives. The guide of oneDNN tells of
such layouts: Understanding Memory Formats,
https://uxlfoundation.github.io/oneDNN/dev_guide_understanding_memory_formats.html.

An activation behind the layer is computed before the result leaves the registers.

Wherever oneDNN is not for it (another device or precision, gradients, autocast), torch's own function runs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, final
from weakref import ref

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.sizes import effective_kernel


@final
@dataclass(frozen=True, slots=True)
class Pointwise:
    """An activation as oneDNN knows it."""

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
ACTIVATIONS: dict[type[nn.Module], Callable[[Any], Pointwise]] = {
    nn.ReLU: lambda layer: Pointwise("relu"),
    nn.ReLU6: lambda layer: Pointwise("hardtanh", (0.0, 6.0)),
    nn.Hardtanh: lambda layer: Pointwise("hardtanh", (layer.min_val, layer.max_val)),
    nn.LeakyReLU: lambda layer: Pointwise("leaky_relu", (layer.negative_slope,)),
    nn.SiLU: lambda layer: Pointwise("swish"),
    nn.Hardswish: lambda layer: Pointwise("hardswish"),
    nn.Sigmoid: lambda layer: Pointwise("sigmoid"),
    nn.Tanh: lambda layer: Pointwise("tanh"),
    nn.GELU: lambda layer: Pointwise("gelu", (), layer.approximate),
}


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Packed:
    """layout: the weight in oneDNN's own. It holds for that owner, its memory, and its version."""

    layout: Tensor
    owner: "ref[Tensor]"
    memory: int
    version: int


_known: dict[int, _Packed] = {}  # by id of the weight, for as long as it lives


@final
class PackedLinear(nn.Linear):
    """activation(layer(x)) with the layer's parameters.  Shapes: x (..., I) -> y (..., O)."""

    def __init__(self, layer: nn.Linear, activation: Pointwise) -> None:
        super().__init__(layer.in_features, layer.out_features, layer.bias is not None, device="meta")
        self.weight, self.bias, self.activation = layer.weight, layer.bias, activation
        self.train(layer.training)

    def forward(self, x: Tensor) -> Tensor:
        run = PACKED_LINEAR if torch.compiler.is_compiling() else _linear
        y: Tensor = run(x, self.weight, self.bias, *self.activation.settings)
        return y

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, activation={self.activation.name}"


@final
class PackedConv2d(nn.Conv2d):
    """activation(layer(x)) with the layer's parameters; the result is laid out with channels last.

    Shapes: x (B, I, H, W) -> y as from the layer.
    """

    def __init__(self, layer: nn.Conv2d, activation: Pointwise) -> None:
        given: Any = layer
        super().__init__(
            layer.in_channels, layer.out_channels, given.kernel_size, given.stride, given.padding,
            given.dilation, layer.groups, layer.bias is not None, device="meta",
        )  # fmt: skip
        self.weight, self.bias, self.activation = layer.weight, layer.bias, activation
        self.sides = _padding(layer)
        self.train(layer.training)

    def forward(self, x: Tensor) -> Tensor:
        run = PACKED_CONV2D if torch.compiler.is_compiling() else _conv2d
        settings = (list(self.stride), self.sides, list(self.dilation), self.groups)
        y: Tensor = run(x, self.weight, self.bias, *settings, *self.activation.settings)
        return y

    def extra_repr(self) -> str:
        own: Any = super()
        return f"{own.extra_repr()}, activation={self.activation.name}"


def packed(layer: nn.Module, activation: nn.Module | None = None) -> nn.Module | None:
    """activation(layer(x)); None where oneDNN does not know them: in float32, of torch, padded evenly."""
    if activation is not None and type(activation) not in ACTIVATIONS:
        return None
    follows = Pointwise() if activation is None else ACTIVATIONS[type(activation)](activation)
    if type(layer) is nn.Linear and layer.weight.dtype is torch.float32:
        return PackedLinear(layer, follows)
    if type(layer) is nn.Conv2d and layer.weight.dtype is torch.float32 and _is_padded_evenly(layer):
        return PackedConv2d(layer, follows)
    return None


def _linear(
    x: Tensor, weight: Tensor, bias: Tensor | None, name: str, scalars: Sequence[float], algorithm: str
) -> Tensor:
    activation = Pointwise(name, tuple(scalars), algorithm)
    if not _is_for_onednn(x, weight, bias):
        return activation(F.linear(x, weight, bias))
    rows = x.numel() // x.shape[-1]
    layout = _laid_out(weight, lambda: torch.ops.mkldnn._reorder_linear_weight(weight.detach(), rows))
    y: Tensor = torch.ops.mkldnn._linear_pointwise(x, layout, bias, *activation.settings)
    return y


def _conv2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    name: str,
    scalars: Sequence[float],
    algorithm: str,
) -> Tensor:
    activation = Pointwise(name, tuple(scalars), algorithm)
    if x.ndim != 4 or not _is_for_onednn(x, weight, bias):
        return activation(F.conv2d(x, weight, bias, stride, padding, dilation, groups))
    settings = (padding, stride, dilation, groups)

    def lay_out() -> Tensor:
        reorder: Any = torch._C._nn.mkldnn_reorder_conv2d_weight
        layout: Tensor = reorder(weight.detach().contiguous().to_mkldnn(), *settings, x.shape)
        return layout

    x = x.contiguous(memory_format=torch.channels_last)
    convolve: Any = torch.ops.mkldnn._convolution_pointwise
    y: Tensor = convolve(x, _laid_out(weight, lay_out), bias, *settings, *activation.settings)
    return y


def _laid_out(weight: Tensor, lay_out: Callable[[], Tensor]) -> Tensor:
    key, memory = id(weight), weight.data_ptr()
    version = 0 if weight.is_inference() else weight._version
    known = _known.get(key)
    if known is None or known.owner() is not weight or known.memory != memory or known.version != version:
        owner = ref(weight, lambda dead: _forget(key, dead))
        known = _known[key] = _Packed(lay_out(), owner, memory, version)
    return known.layout


def _forget(key: int, dead: "ref[Tensor]") -> None:
    """Unless another weight has taken the place meanwhile."""
    if key in _known and _known[key].owner is dead:
        del _known[key]


def _is_for_onednn(x: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    single = torch.float32
    if x.dtype is not single or weight.dtype is not single or not x.is_cpu or not weight.is_cpu:
        return False
    if torch.is_autocast_enabled("cpu") or x.numel() == 0:
        return False
    if not torch.is_grad_enabled():
        return True
    return not (x.requires_grad or weight.requires_grad or (bias is not None and bias.requires_grad))


def _padding(layer: nn.Conv2d) -> list[int]:
    """On both sides of each axis."""
    if layer.padding == "valid":
        return [0, 0]
    if isinstance(layer.padding, str):
        sizes = map(effective_kernel, layer.kernel_size, layer.dilation)
        return [(size - 1) // 2 for size in sizes]
    return list(layer.padding)


def _is_padded_evenly(layer: nn.Conv2d) -> bool:
    sizes = map(effective_kernel, layer.kernel_size, layer.dilation)
    is_even = layer.padding != "same" or all(size % 2 for size in sizes)
    return layer.padding_mode == "zeros" and is_even


@torch.library.custom_op("circulant::packed_linear", mutates_args=())
def PACKED_LINEAR(
    x: Tensor, weight: Tensor, bias: Tensor | None, name: str, scalars: Sequence[float], algorithm: str
) -> Tensor:
    return _linear(x, weight, bias, name, scalars, algorithm)


@PACKED_LINEAR.register_fake
def _(x: Tensor, weight: Tensor, *_: Any) -> Tensor:
    return x.new_empty(*x.shape[:-1], weight.shape[0])


@torch.library.custom_op("circulant::packed_conv2d", mutates_args=())
def PACKED_CONV2D(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    name: str,
    scalars: Sequence[float],
    algorithm: str,
) -> Tensor:
    return _conv2d(x, weight, bias, stride, padding, dilation, groups, name, scalars, algorithm)


@PACKED_CONV2D.register_fake
def _(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    *_: Any,
) -> Tensor:
    y = F.conv2d(x, weight, bias, stride, padding, dilation, groups)
    return torch.empty_like(y, memory_format=torch.channels_last)
