"""The layer behind the three operators of learnable spacings."""

from math import sqrt
from typing import Self

import torch
from torch import Tensor, nn

from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator
from circulant.core.sizes import Shape, effective_kernel, product
from circulant.engine.conv_settings import Sizes, TorchConv, conv_settings, settings_of
from circulant.operators.spatial.dcls_kernel import DclsVersion, dcls_kernel, dcls_kernel_cost

FIRST_SPREAD = {DclsVersion.MAX: 0.1, DclsVersion.GAUSS: 0.23}


class DclsNd(Operator):
    """Abstract over the number of spatial axes. Arguments as torch.nn.ConvNd's; `points` per kernel."""

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
        points: int,
        version: DclsVersion = DclsVersion.GAUSS,
    ) -> None:
        super().__init__()
        if points < 1:
            raise ArgumentError(f"expected points of 1 or more, got {points}")
        self.settings = conv_settings(
            self.ndims[0], in_channels, out_channels, kernel_size, stride, padding, dilation, groups,
            padding_mode,
        )  # fmt: skip
        self.version = version

        def empty(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape, device=device, dtype=dtype))

        sites = (out_channels, in_channels // groups, points)
        self.weight = empty(*sites)
        self.position = empty(self.settings.ndim, *sites)
        self.spread = empty(self.settings.ndim, *sites) if version.has_spread else None
        self.bias = empty(out_channels) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weights and bias as torch's convolutions with as many taps, positions near the middle."""
        bound = 1 / sqrt(self.weight[0].numel())
        nn.init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            nn.init.uniform_(self.bias, -bound, bound)
        nn.init.normal_(self.position, std=0.5)
        if self.spread is not None:
            nn.init.constant_(self.spread, FIRST_SPREAD[self.version])
        self.clamp_parameters()

    @torch.no_grad()
    def clamp_parameters(self) -> None:
        """Bring positions back to within K // 2 samples of the middle; for after an optimiser's step."""
        for position, size in zip(self.position, self.settings.kernel):
            position.clamp_(-(size // 2), size // 2)

    def kernel(self) -> Tensor:
        """The dense kernel as it is convolved -> (O, I / groups, *kernel_size)."""
        return dcls_kernel(self.weight, self.position, self.settings.kernel, self.version, self.spread)

    def forward(self, x: Tensor) -> Tensor:
        self.settings.require_input(x)
        return self.settings.convolve(x, self.kernel(), self.bias)

    @classmethod
    def from_conv(cls, conv: TorchConv) -> Self:
        """The same function, with a point of version V0 on each (dilated) tap, free to move."""
        given = settings_of(conv)
        size = tuple(map(effective_kernel, given.kernel, given.dilation))
        new = cls(
            given.in_channels, given.out_channels, size, given.stride, conv.padding, 1, given.groups,
            conv.bias is not None, conv.padding_mode, points=product(given.kernel), version=DclsVersion.V0,
            device=conv.weight.device, dtype=conv.weight.dtype,
        )  # fmt: skip
        axes = [d * torch.arange(k) - n // 2 for k, d, n in zip(given.kernel, given.dilation, size)]
        taps = torch.cartesian_prod(*axes).view(-1, given.ndim).T
        with torch.no_grad():
            new.weight.copy_(conv.weight.flatten(2))
            new.position.copy_(taps[:, None, None])
            if new.bias is not None and conv.bias is not None:
                new.bias.copy_(conv.bias)
        return new

    def to_conv(self) -> TorchConv:
        """torch's own layer with the dense kernel."""
        return self.settings.layer(self.kernel(), self.bias)

    def cost(self, shape: Shape) -> Cost:
        O, I, points = self.weight.shape
        return self.settings.cost(shape) + dcls_kernel_cost(O * I, points, self.settings.kernel)

    def extra_repr(self) -> str:
        return f"{self.settings}, points={self.weight.shape[-1]}, version={self.version.name}"
