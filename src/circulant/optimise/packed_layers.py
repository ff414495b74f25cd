"""Convolutions and linear layers of torch for inference, whose weights oneDNN lays out once.

torch hands a weight over as it stands, so that oneDNN rearranges it in every call, and leaves linear layers
in float32 to another library. Inference runtimes rearrange when they load a model; here it happens at the
first call, and the result is kept beside the weight for as long as that lives. The guide of oneDNN tells of
such layouts: Understanding Memory Formats,
https://uxlfoundation.github.io/oneDNN/dev_guide_understanding_memory_formats.html.

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

NO_ACTIVATION: tuple[str, list[Any], str] = ("none", [], "")


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
class PackedLinear(nn.Module):
    """A linear layer with the parameters of another.  Shapes: x (..., I) -> y (..., O)."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = layer.weight, layer.bias
        self.train(layer.training)

    def forward(self, x: Tensor) -> Tensor:
        if torch.compiler.is_compiling():
            return PACKED_LINEAR(x, self.weight, self.bias)
        return _linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"{self.weight.shape[1]}, {self.weight.shape[0]}, bias={self.bias is not None}"


@final
class PackedConv2d(nn.Module):
    """A convolution with the parameters of another; its result is laid out with channels last.

    Shapes: x (B, I, H, W) -> y as from the layer.
    """

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias = layer.weight, layer.bias
        self.stride, self.dilation, self.groups = list(layer.stride), list(layer.dilation), layer.groups
        self.padding = _padding(layer)
        self.train(layer.training)

    def forward(self, x: Tensor) -> Tensor:
        settings = (self.stride, self.padding, self.dilation, self.groups)
        if torch.compiler.is_compiling():
            return PACKED_CONV2D(x, self.weight, self.bias, *settings)
        return _conv2d(x, self.weight, self.bias, *settings)

    def extra_repr(self) -> str:
        O, I, *kernel = self.weight.shape
        return f"{self.groups * I}, {O}, kernel_size={tuple(kernel)}, stride={self.stride}"


def packed(layer: nn.Module) -> nn.Module | None:
    """The same layer; None where it is none of torch's in float32, or pads unlike oneDNN."""
    if type(layer) is nn.Linear and layer.weight.dtype is torch.float32:
        return PackedLinear(layer)
    if type(layer) is nn.Conv2d and layer.weight.dtype is torch.float32 and _is_padded_evenly(layer):
        return PackedConv2d(layer)
    return None


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    if not _is_for_onednn(x, weight, bias):
        return F.linear(x, weight, bias)
    rows = x.numel() // x.shape[-1]
    layout = _laid_out(weight, lambda: torch.ops.mkldnn._reorder_linear_weight(weight.detach(), rows))
    y: Tensor = torch.ops.mkldnn._linear_pointwise(x, layout, bias, *NO_ACTIVATION)
    return y


def _conv2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Tensor:
    if x.ndim != 4 or not _is_for_onednn(x, weight, bias):
        return F.conv2d(x, weight, bias, stride, padding, dilation, groups)
    settings = (padding, stride, dilation, groups)

    def lay_out() -> Tensor:
        reorder: Any = torch._C._nn.mkldnn_reorder_conv2d_weight
        layout: Tensor = reorder(weight.detach().contiguous().to_mkldnn(), *settings, x.shape)
        return layout

    x = x.contiguous(memory_format=torch.channels_last)
    convolve: Any = torch.ops.mkldnn._convolution_pointwise
    y: Tensor = convolve(x, _laid_out(weight, lay_out), bias, *settings, *NO_ACTIVATION)
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
def PACKED_LINEAR(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return _linear(x, weight, bias)


@PACKED_LINEAR.register_fake
def _(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
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
) -> Tensor:
    return _conv2d(x, weight, bias, stride, padding, dilation, groups)


@PACKED_CONV2D.register_fake
def _(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Tensor:
    y = F.conv2d(x, weight, bias, stride, padding, dilation, groups)
    return torch.empty_like(y, memory_format=torch.channels_last)
