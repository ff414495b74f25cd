"""The layer behind fast Fourier convolutions in two and three dimensions."""

from collections.abc import Iterable
from math import sqrt
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape, per_axis
from circulant.engine.convolution import convolution
from circulant.engine.costs import convolution_problem, problem_cost
from circulant.operators.spectral.spectral_transform import SpectralTransform

RATIO = 0.75  # of the channels that are global


class FastFourierConvNd(Operator):
    """Abstract over the number of spatial axes. The last int(ratio channels) are the global ones."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int | None = None,
        kernel_size: int | Iterable[int] = 3,
        *,
        ratio: float = RATIO,
        local_unit: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        ndim, out_channels = self.ndims[0], out_channels or in_channels
        kernel = per_axis(kernel_size, ndim, "kernel_size")
        if any(k < 1 or k % 2 == 0 for k in kernel):
            raise ArgumentError(f"expected an odd kernel_size along each axis, got {kernel_size}")
        self.in_channels, self.out_channels = in_channels, out_channels
        in_global, out_global = int(ratio * in_channels), int(ratio * out_channels)
        self.split = [in_channels - in_global, in_global]
        if min(*self.split, out_channels - out_global, out_global) < 1:
            raise ArgumentError(f"expected a ratio that leaves channels of both kinds, got {ratio}")
        settings: Any = {"device": device, "dtype": dtype}
        self.from_local = nn.Parameter(torch.empty(out_channels, self.split[0], *kernel, **settings))
        self.to_local = nn.Parameter(torch.empty(out_channels - out_global, in_global, *kernel, **settings))
        self.spectral = SpectralTransform(ndim, in_global, out_global, local_unit=local_unit, **settings)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """As torch's convolutions."""
        for weight in (self.from_local, self.to_local):
            bound = 1 / sqrt(weight[0].numel())
            nn.init.uniform_(weight, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.in_channels, self.ndims)
        self.spectral.require_grid(x)
        x_local, x_global = reflected(x, self.kernel).split(self.split, 1)
        ones = (1,) * len(self.kernel)
        steps: Any = {"stride": ones, "padding": ((0, 0),) * len(ones), "dilation": ones}
        y = convolution(x_local, self.from_local, **steps)
        sizes = [len(self.to_local), self.out_channels - len(self.to_local)]
        y_local, y_global = y.split(sizes, 1)
        y_local = y_local + convolution(x_global, self.to_local, **steps)
        return torch.cat([y_local, y_global + self.spectral(x.narrow(1, *self.split))], 1)

    @property
    def kernel(self) -> Shape:
        return tuple(self.from_local.shape[2:])

    def cost(self, shape: Shape) -> Cost:
        B, _, *spatial = shape
        padded = tuple(n + k - 1 for n, k in zip(spatial, self.kernel))
        total = self.spectral.cost((B, self.split[1], *spatial))
        for weight in (self.from_local, self.to_local):
            problem = convolution_problem((B, weight.shape[1], *padded), tuple(weight.shape))
            total = total + problem_cost(problem)
        return total

    def extra_repr(self) -> str:
        return f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel}, split={self.split}"


def reflected(x: Tensor, kernel: Shape) -> Tensor:
    """x with half a kernel of reflected samples on each side; an axis of one sample is repeated."""
    single = [0 if n > 1 else k // 2 for n, k in zip(x.shape[2:], kernel)]
    longer = [k // 2 if n > 1 else 0 for n, k in zip(x.shape[2:], kernel)]
    for widths, mode in ((single, "replicate"), (longer, "reflect")):
        if any(widths):
            x = F.pad(x, [side for width in reversed(widths) for side in (width, width)], mode=mode)
    return x
