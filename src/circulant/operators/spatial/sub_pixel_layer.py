"""The layer behind the three operators of sub-pixels."""

from math import sqrt
from typing import Self

import torch
from torch import Tensor, nn

from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator
from circulant.core.sizes import Shape
from circulant.core.sub_pixels import sub_pixel_shuffle
from circulant.engine.conv_settings import Sizes, TorchConv, constructor_arguments, conv_settings
from circulant.operators.spatial.sub_pixel_transpose import TorchTransposed, transposed_layer


class SubPixelConvNd(Operator):
    """Abstract over the number of spatial axes. Arguments as torch.nn.ConvNd's; y has out_channels."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        factor: int = 2,
    ) -> None:
        super().__init__()
        if factor < 1:
            raise ArgumentError(f"expected a factor of 1 or more, got {factor}")
        self.factor, ndim = factor, self.ndims[0]
        self.settings = conv_settings(
            ndim, in_channels, out_channels * factor**ndim, kernel_size, stride, padding, dilation, groups,
            padding_mode,
        )  # fmt: skip
        shape = self.settings.weight_shape
        self.weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(shape[0], device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """As torch's convolutions; follow with `icnr_(self.weight, self.factor)` against checkerboards."""
        bound = 1 / sqrt(self.weight[0].numel())
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        self.settings.require_input(x)
        z = self.settings.convolve(x, self.weight, self.bias)
        return sub_pixel_shuffle(z, self.factor, self.settings.ndim)

    @classmethod
    def from_conv(cls, conv: TorchConv, factor: int) -> Self:
        """The same as torch's layer followed by a pixel shuffle."""
        told, phases = constructor_arguments(conv), factor ** cls.ndims[0]
        if conv.out_channels % phases:
            raise ArgumentError(f"expected out_channels, a multiple of {phases}, got {conv.out_channels}")
        new = cls(**{**told, "out_channels": conv.out_channels // phases}, factor=factor)
        new.load_state_dict(conv.state_dict())
        return new

    def to_conv_transpose(self) -> TorchTransposed:
        """torch's own transposed layer for the same function; it has one bias for all sub-pixels."""
        return transposed_layer(self.settings, self.weight, self.bias, self.factor)

    def cost(self, shape: Shape) -> Cost:
        return self.settings.cost(shape)

    def extra_repr(self) -> str:
        return f"{self.settings}, factor={self.factor}"
