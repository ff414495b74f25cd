"""The layer behind the operators of space to depth."""

from dataclasses import replace
from typing import Self

import torch
from torch import Tensor, nn

from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator
from circulant.core.sizes import Shape, product
from circulant.engine.conv_settings import Sizes, TorchConv, conv_settings, settings_of
from circulant.engine.convolution import Boundary
from circulant.engine.space_to_depth import (
    space_to_depth_conv,
    strided_kernel,
)
from circulant.operators.spatial.coarse_kernel import coarse_kernel, coarse_weight


class SpaceToDepthConvNd(Operator):
    """Abstract over the number of spatial axes. Arguments as torch.nn.ConvNd's; the stride is the block."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 2,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        ndim = self.ndims[0]
        self.fine = conv_settings(ndim, in_channels, out_channels, 1, stride, groups=groups)
        parts = product(self.fine.stride) * in_channels
        self.coarse = conv_settings(
            ndim, parts, out_channels, kernel_size, 1, padding, dilation, groups, padding_mode
        )
        shape = self.coarse.weight_shape
        self.weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(out_channels, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """As torch's convolution of the sub-images."""
        bound = self.weight[0].numel() ** -0.5
        nn.init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        self.fine.require_input(x)
        batched, s = x if x.ndim == self.fine.ndim + 2 else x[None], self.coarse
        y = space_to_depth_conv(
            batched, self.weight, self.bias, block=self.fine.stride, padding=s.padding, dilation=s.dilation,
            groups=s.groups, boundary=s.boundary,
        )  # fmt: skip
        return y if batched is x else y[0]

    @classmethod
    def from_conv(cls, conv: TorchConv) -> Self:
        """The same function on inputs of whole blocks: the fewest places that hold its taps.

        A layer that pads as much as it reaches gets an odd kernel, padded by half, and stays the same on
        every input.
        """
        given = settings_of(conv)
        size, before = coarse_kernel(given)
        new = cls(
            given.in_channels, given.out_channels, size, given.stride, before, 1, given.groups,
            conv.bias is not None, device=conv.weight.device, dtype=conv.weight.dtype,
        )  # fmt: skip
        with torch.no_grad():
            new.weight.copy_(coarse_weight(conv.weight, given, size, before))
            if new.bias is not None and conv.bias is not None:
                new.bias.copy_(conv.bias)
        return new

    def to_conv(self) -> TorchConv:
        """torch's own strided layer with the same taps: the same function on inputs of whole blocks."""
        s, block = self.coarse, self.fine.stride
        if any(d > 1 for d in s.dilation) or (s.boundary is not Boundary.ZEROS and any(map(any, s.padding))):
            raise ArgumentError(
                f"expected dilation 1 and zeros around the input for one convolution, got {s}"
            )
        kernel = tuple(n * k for n, k in zip(block, s.kernel))
        padding = tuple((n * before, n * after) for n, (before, after) in zip(block, s.padding))
        one = replace(self.fine, kernel=kernel, padding=padding)
        return one.layer(strided_kernel(self.weight, block), self.bias)

    def cost(self, shape: Shape) -> Cost:
        spatial = (-(-n // step) for n, step in zip(shape[2:], self.fine.stride))
        return self.coarse.cost((shape[0], self.coarse.in_channels, *spatial))

    def extra_repr(self) -> str:
        return f"block={self.fine.stride}, {self.coarse}"
