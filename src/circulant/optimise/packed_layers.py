"""Convolutions and linear layers of torch for inference, with their weights laid out once by oneDNN.

torch hands a weight over as it stands, so that oneDNN rearranges it in every call, and leaves linear layers
in float32 to another library. Inference runtimes rearrange when they load a model; here it happens at the
first call, and the result is kept beside the weight for as long as that lives. The guide of oneDNN tells of
such layouts: Understanding Memory Formats,
https://uxlfoundation.github.io/oneDNN/dev_guide_understanding_memory_formats.html.

A sum and an activation behind the layer are computed before the result leaves the registers.

Wherever oneDNN is not for it (another device or precision, gradients, autocast), torch's own function
runs; for linear layers of few products too, since it ends before oneDNN begins.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, final
from weakref import ref

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.sizes import effective_kernel, output_length
from circulant.optimise.pointwise import NOTHING, Pointwise


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Packed:
    """layout: the weight in oneDNN's own. It holds for that owner, its memory, and its version."""

    layout: Tensor
    owner: "ref[Tensor]"
    memory: int
    version: int


LEAST_PRODUCTS = 250_000  # of a linear layer; oneDNN takes 12 us for none, torch's library 3 us

_known: dict[int, _Packed] = {}  # by id of the weight, for as long as it lives


@final
class PackedLinear(nn.Linear):
    """activation(layer(x) + other) with the layer's parameters; without other nothing is added.

    Shapes: x (..., I) -> y (..., O); other, which joins as in torch: any that fits y.
    """

    def __init__(self, layer: nn.Linear, activation: Pointwise) -> None:
        super().__init__(layer.in_features, layer.out_features, layer.bias is not None, device="meta")
        self.weight, self.bias, self.activation = layer.weight, layer.bias, activation
        self.settings = activation.settings
        self.train(layer.training)

    def forward(self, x: Tensor, other: Any = None) -> Tensor:
        run = PACKED_LINEAR if torch.compiler.is_compiling() else _linear
        y: Tensor = run(x, self.weight, self.bias, *self.settings, _tensor(other))
        return y

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, activation={self.activation.name}"


@final
class PackedConv2d(nn.Conv2d):
    """activation(layer(x) + other) with the layer's parameters; without other nothing is added.

    The result is laid out with channels last. Shapes: x (B, I, H, W) -> y as from the layer; other, which
    joins as in torch: any that fits y.
    """

    def __init__(self, layer: nn.Conv2d, activation: Pointwise) -> None:
        given: Any = layer
        super().__init__(
            layer.in_channels, layer.out_channels, given.kernel_size, given.stride, given.padding,
            given.dilation, layer.groups, layer.bias is not None, device="meta",
        )  # fmt: skip
        self.weight, self.bias, self.activation = layer.weight, layer.bias, activation
        moves = (list(self.stride), _padding(layer), list(self.dilation), self.groups)
        self.settings = (*moves, *activation.settings)
        self.train(layer.training)

    def forward(self, x: Tensor, other: Any = None) -> Tensor:
        run = PACKED_CONV2D if torch.compiler.is_compiling() else _conv2d
        y: Tensor = run(x, self.weight, self.bias, *self.settings, _tensor(other))
        return y

    def extra_repr(self) -> str:
        own: Any = super()
        return f"{own.extra_repr()}, activation={self.activation.name}"


def packed(layer: nn.Module, activation: Pointwise = NOTHING) -> PackedLinear | PackedConv2d | None:
    """activation(layer(x)); None where oneDNN does not know the layer: float32, of torch, padded evenly."""
    if type(layer) is nn.Linear and layer.weight.dtype is torch.float32:
        return PackedLinear(layer, activation)
    if type(layer) is nn.Conv2d and layer.weight.dtype is torch.float32 and _is_padded_evenly(layer):
        return PackedConv2d(layer, activation)
    return None


def _tensor(other: Any) -> Tensor | None:
    """A graph may add a number too."""
    return other if other is None or isinstance(other, Tensor) else torch.as_tensor(other)


def _linear(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    name: str,
    scalars: Sequence[float],
    algorithm: str,
    other: Tensor | None = None,
) -> Tensor:
    is_known = _is_for_onednn(x, weight, bias) and x.numel() * len(weight) >= LEAST_PRODUCTS
    if is_known and other is not None:
        is_known = _is_addend(other, (*x.shape[:-1], len(weight)))
    if not is_known:
        return _after(F.linear(x, weight, bias), name, scalars, algorithm, other)
    rows = x.numel() // x.shape[-1]
    layout = _laid_out(weight, lambda: torch.ops.mkldnn._reorder_linear_weight(weight.detach(), rows))
    run: Any = torch.ops.mkldnn._linear_pointwise
    if other is None:
        y: Tensor = run.default(x, layout, bias, name, scalars, algorithm)
        return y
    return _after(run.binary(x, other.contiguous(), layout, bias, "add"), name, scalars, algorithm)


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
    other: Tensor | None = None,
) -> Tensor:
    is_known = x.ndim == 4 and _is_for_onednn(x, weight, bias)
    if is_known and other is not None:
        is_known = _is_addend(other, _result_shape(x, weight, stride, padding, dilation))
    if not is_known:
        y = F.conv2d(x, weight, bias, stride, padding, dilation, groups)
        return _after(y, name, scalars, algorithm, other)
    settings = (padding, stride, dilation, groups)

    def lay_out() -> Tensor:
        reorder: Any = torch._C._nn.mkldnn_reorder_conv2d_weight
        layout: Tensor = reorder(weight.detach().contiguous().to_mkldnn(), *settings, x.shape)
        return layout

    layout = _laid_out(weight, lay_out)
    x = x.contiguous(memory_format=torch.channels_last)
    run: Any = torch.ops.mkldnn._convolution_pointwise
    if other is None:
        y = run.default(x, layout, bias, *settings, name, scalars, algorithm)
        return y
    other = other.contiguous(memory_format=torch.channels_last)
    unary = name if name == "relu" else None  # behind a sum oneDNN takes no other
    y = run.binary(x, other, layout, bias, *settings, "add", 1.0, unary, [], "")
    return y if unary else _after(y, name, scalars, algorithm)


def _after(
    y: Tensor, name: str, scalars: Sequence[float], algorithm: str, other: Tensor | None = None
) -> Tensor:
    """activation(y + other), as torch computes them."""
    return Pointwise(name, tuple(scalars), algorithm)(y if other is None else y + other)


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


def _is_addend(other: Tensor, shape: Sequence[int]) -> bool:
    """Whether oneDNN adds it to a result of that shape."""
    is_alike = other.dtype is torch.float32 and other.is_cpu and other.shape == shape
    return is_alike and not (torch.is_grad_enabled() and other.requires_grad)


def _result_shape(
    x: Tensor, weight: Tensor, stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int]
) -> tuple[int, ...]:
    sides = [(size, size) for size in padding]
    lengths = map(output_length, x.shape[2:], weight.shape[2:], stride, sides, dilation)
    return (len(x), len(weight), *lengths)


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
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    name: str,
    scalars: Sequence[float],
    algorithm: str,
    other: Tensor | None = None,
) -> Tensor:
    return _linear(x, weight, bias, name, scalars, algorithm, other)


@PACKED_LINEAR.register_fake
def _(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    name: str,
    scalars: Sequence[float],
    algorithm: str,
    other: Tensor | None = None,
) -> Tensor:
    y = x.new_empty(*x.shape[:-1], weight.shape[0])
    return y if other is None else y + other


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
    other: Tensor | None = None,
) -> Tensor:
    return _conv2d(x, weight, bias, stride, padding, dilation, groups, name, scalars, algorithm, other)


@PACKED_CONV2D.register_fake
def _(
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
    other: Tensor | None = None,
) -> Tensor:
    y = F.conv2d(x, weight, bias, stride, padding, dilation, groups)
    y = y if other is None else y + other
    return torch.empty_like(y, memory_format=torch.channels_last) if y.ndim == 4 else y
