"""The layer behind the three deformable convolutions."""

from dataclasses import replace
from math import sqrt
from typing import Self

import torch
from torch import Tensor, nn

from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator
from circulant.core.sizes import Shape
from circulant.engine.conv_settings import Sizes, TorchConv, constructor_arguments, conv_settings
from circulant.engine.convolution import Boundary
from circulant.engine.deformable_conv import TapGrid, deformable_conv_cost, sampled_taps, weighted_taps


class DeformableConvNd(Operator):
    """Abstract over the number of spatial axes. Arguments as torch.nn.ConvNd's."""

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
        offset_groups: int = 1,
        modulated: bool = True,
    ) -> None:
        super().__init__()
        if offset_groups < 1 or in_channels % offset_groups:
            raise ArgumentError(
                f"expected offset_groups to divide in_channels = {in_channels}, got {offset_groups}"
            )
        s = self.settings = conv_settings(
            self.ndims[0], in_channels, out_channels, kernel_size, stride, padding, dilation, groups,
            padding_mode,
        )  # fmt: skip
        if s.boundary is not Boundary.ZEROS:
            raise ArgumentError(f"expected padding_mode 'zeros', got {padding_mode!r}; pad x before")
        self.grid = TapGrid(s.kernel, s.stride, s.padding, s.dilation)
        self.offset_groups, self.modulated = offset_groups, modulated
        rows = offset_groups * self.grid.taps * (s.ndim + modulated)
        self.told = replace(s, out_channels=rows, groups=1)

        def empty(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape, device=device, dtype=dtype))

        self.weight = empty(*s.weight_shape)
        self.bias = empty(out_channels) if bias else None
        self.offset_weight, self.offset_bias = empty(*self.told.weight_shape), empty(rows)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """The weight as torch's convolutions; no tap is moved yet."""
        bound = 1 / sqrt(self.weight[0].numel())
        nn.init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            nn.init.uniform_(self.bias, -bound, bound)
        nn.init.zeros_(self.offset_weight)
        nn.init.zeros_(self.offset_bias)

    def forward(self, x: Tensor) -> Tensor:
        self.settings.require_input(x)
        batched = x if x.ndim == self.settings.ndim + 2 else x[None]
        rows = self.told.convolve(batched, self.offset_weight, self.offset_bias)
        G, taps, ndim = self.offset_groups, self.grid.taps, self.settings.ndim
        offset = rows[:, : G * taps * ndim].unflatten(1, (G, taps, ndim))
        mask = rows[:, G * taps * ndim :].sigmoid().unflatten(1, (G, taps)) if self.modulated else None
        y = weighted_taps(sampled_taps(batched, offset, mask, self.grid), self.weight, self.bias)
        return y if batched is x else y[0]

    @classmethod
    def from_conv(cls, conv: TorchConv, *, offset_groups: int = 1) -> Self:
        """The first form with the same weights: the same function, until it learns to move its taps."""
        new = cls(**constructor_arguments(conv), offset_groups=offset_groups, modulated=False)
        new.load_state_dict(conv.state_dict(), strict=False)
        return new

    def cost(self, shape: Shape) -> Cost:
        sampled = deformable_conv_cost(shape, self.settings.weight_shape, self.grid, self.offset_groups)
        return self.told.cost(shape) + sampled

    def extra_repr(self) -> str:
        return f"{self.settings}, offset_groups={self.offset_groups}, modulated={self.modulated}"
