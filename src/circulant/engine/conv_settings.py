"""The arguments of torch.nn.ConvNd, read and checked once for every convolution of the catalogue."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError, DtypeError, ShapeError
from circulant.core.operator import AXES, require_samples
from circulant.core.sizes import Shape, per_axis, same_padding
from circulant.engine.convolution import Boundary, convolution
from circulant.engine.costs import convolution_problem, problem_cost
from circulant.problems.convolution import Padding

Sizes = int | Iterable[int]
TorchConv = nn.Conv1d | nn.Conv2d | nn.Conv3d
LAYERS: dict[int, Any] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


@final
@dataclass(frozen=True, slots=True)
class ConvSettings:
    """Sizes of a convolution, and how its kernel moves over the input."""

    in_channels: int
    out_channels: int
    kernel: Shape
    stride: Shape
    padding: Padding
    dilation: Shape
    groups: int
    boundary: Boundary

    @property
    def ndim(self) -> int:
        return len(self.kernel)

    @property
    def weight_shape(self) -> Shape:
        return (self.out_channels, self.in_channels // self.groups, *self.kernel)

    def require_input(self, x: Tensor) -> None:
        """Raise unless x is floating point, (B, C, *spatial) or (C, *spatial)."""
        if not x.is_floating_point():
            raise DtypeError(f"expected a floating-point x, got {x.dtype}; convert it with x.float()")
        axes = x.ndim - self.ndim
        if axes not in (1, 2) or x.shape[axes - 1] != self.in_channels:
            spatial = AXES[self.ndim]
            raise ShapeError(
                f"expected x (B, C, {spatial}) or (C, {spatial}) with C = {self.in_channels}, "
                f"got x {tuple(x.shape)}"
            )
        require_samples(tuple(x.shape), self.ndim)

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """x (B, C, *spatial) or (C, *spatial), weight of `weight_shape`, bias (O) -> y, batched as x."""
        batched = x if x.ndim == self.ndim + 2 else x[None]
        y = convolution(
            batched, weight, bias, stride=self.stride, padding=self.padding, dilation=self.dilation,
            groups=self.groups, boundary=self.boundary,
        )  # fmt: skip
        return y if batched is x else y[0]

    def cost(self, shape: Shape) -> Cost:
        """For x of that shape (B, C, *spatial)."""
        problem = convolution_problem(
            shape, self.weight_shape, stride=self.stride, padding=self.padding, dilation=self.dilation,
            groups=self.groups,
        )  # fmt: skip
        return problem_cost(problem)

    def layer(self, weight: Tensor, bias: Tensor | None) -> TorchConv:
        """torch's own with a copy of that kernel; there, before and after differ for "same" alone."""
        padding: Any = tuple(before for before, _ in self.padding)
        if any(before != after for before, after in self.padding):
            padding = "same"
        conv: TorchConv = LAYERS[self.ndim](
            self.in_channels, self.out_channels, self.kernel, self.stride, padding, self.dilation,
            self.groups, bias is not None, self.boundary.value, device=weight.device, dtype=weight.dtype,
        )  # fmt: skip
        if settings_of(conv) != self:
            raise ArgumentError(f"expected padding that torch.nn.Conv{self.ndim}d knows, got {self.padding}")
        with torch.no_grad():
            conv.weight.copy_(weight)
            if conv.bias is not None and bias is not None:
                conv.bias.copy_(bias)
        return conv

    def __str__(self) -> str:
        sizes = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel}, stride={self.stride}"
        steps = f"padding={self.padding}, dilation={self.dilation}, groups={self.groups}"
        return f"{sizes}, {steps}, padding_mode={self.boundary.value!r}"


def conv_settings(
    ndim: int,
    in_channels: int,
    out_channels: int,
    kernel_size: Sizes,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
) -> ConvSettings:
    """Numbers and words as torch.nn.ConvNd takes them; padding also "causal"."""
    kernel = _at_least(1, kernel_size, ndim, "kernel_size")
    strides = _at_least(1, stride, ndim, "stride")
    dilations = _at_least(1, dilation, ndim, "dilation")
    if groups < 1 or min(in_channels, out_channels) < 1 or in_channels % groups or out_channels % groups:
        raise ArgumentError(
            f"expected channels that are multiples of groups, all 1 or more, "
            f"got in_channels = {in_channels}, out_channels = {out_channels}, groups = {groups}"
        )
    return ConvSettings(
        in_channels, out_channels, kernel, strides, padding_of(padding, kernel, strides, dilations),
        dilations, groups, boundary_of(padding_mode),
    )  # fmt: skip


def settings_of(conv: TorchConv) -> ConvSettings:
    return conv_settings(
        conv.weight.ndim - 2, conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride,
        conv.padding, conv.dilation, conv.groups, conv.padding_mode,
    )  # fmt: skip


def constructor_arguments(conv: TorchConv) -> dict[str, Any]:
    """By name, all that a layer of torch was told, its device and dtype too."""
    names = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups")
    told = {name: getattr(conv, name) for name in (*names, "padding_mode")}
    return {**told, "bias": conv.bias is not None, "device": conv.weight.device, "dtype": conv.weight.dtype}


def padding_of(padding: Sizes | str, kernel: Shape, stride: Shape, dilation: Shape) -> Padding:
    """Samples (before, after) along each axis for torch's numbers and words, and for "causal"."""
    if not isinstance(padding, str):
        return tuple((p, p) for p in _at_least(0, padding, len(kernel), "padding"))
    if padding not in ("valid", "same", "causal"):
        raise ArgumentError(f"expected padding as integers, 'valid', 'same' or 'causal', got {padding!r}")
    if padding == "valid":
        return ((0, 0),) * len(kernel)
    if padding == "causal":
        return tuple((d * (k - 1), 0) for k, d in zip(kernel, dilation))
    if any(step != 1 for step in stride):
        raise ArgumentError(f"expected stride 1 with padding 'same', got {stride}; pad by numbers instead")
    return tuple(same_padding(k, d) for k, d in zip(kernel, dilation))


def boundary_of(padding_mode: str) -> Boundary:
    known = [boundary.value for boundary in Boundary]
    if padding_mode not in known:
        raise ArgumentError(f"expected padding_mode among {', '.join(known)}, got {padding_mode!r}")
    return Boundary(padding_mode)


def _at_least(least: int, value: Sizes, ndim: int, name: str) -> Shape:
    sizes = per_axis(value, ndim, name)
    if min(sizes) < least:
        raise ArgumentError(f"expected {name} of {least} or more along each axis, got {sizes}")
    return sizes
