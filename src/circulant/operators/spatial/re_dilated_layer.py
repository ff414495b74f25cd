"""The layer behind the operators of spread kernels."""

from dataclasses import replace
from fractions import Fraction
from math import ceil

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.sizes import Shape
from circulant.engine.conv_settings import Sizes
from circulant.operators.spatial.conv_parameters import ConvParametersNd

MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}
FINEST = 1000  # largest denominator of a factor: sizes are found by integers alone


class ReDilatedConvNd(ConvParametersNd):
    """Abstract over the number of spatial axes. Arguments as torch.nn.ConvNd's, then `factor`."""

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
        factor: float = 1.0,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode,
            device, dtype,
        )  # fmt: skip
        if factor < 1:
            raise ArgumentError(f"expected a factor of 1 or more, got {factor}")
        exact, n = Fraction(factor).limit_denominator(FINEST), ceil(factor)
        self.above, self.below = exact.numerator, exact.denominator  # of the factor
        s = self.settings
        sides = tuple((n * before, n * after) for before, after in s.padding)
        self.spread = replace(s, padding=sides, dilation=tuple(n * d for d in s.dilation))

    def forward(self, x: Tensor) -> Tensor:
        self.settings.require_input(x)
        if self.below == 1:
            return self.spread.convolve(x, self.weight, self.bias)
        batched, mode = x if x.ndim == self.settings.ndim + 2 else x[None], MODES[self.settings.ndim]
        spatial = tuple(batched.shape[2:])
        stretched = F.interpolate(batched, size=self._stretched(spatial), mode=mode)
        y = self.spread.convolve(stretched, self.weight, self.bias)
        y = F.interpolate(y, size=self._left(spatial), mode=mode)
        return y if batched is x else y[0]

    def _stretched(self, spatial: Shape) -> Shape:
        """Sizes times ceil(factor) / factor, rounded."""
        more, less = -(-self.above // self.below) * self.below, self.above
        return tuple((2 * n * more + less) // (2 * less) for n in spatial)

    def _left(self, spatial: Shape) -> Shape:
        """Of that many samples, what the kernel spread by the factor leaves."""
        s = self.settings
        surplus = [sum(sides) - d * (k - 1) for sides, k, d in zip(s.padding, s.kernel, s.dilation)]
        axes = zip(spatial, surplus, s.stride)
        return tuple((n - 1 + self.above * more // self.below) // step + 1 for n, more, step in axes)

    def cost(self, shape: Shape) -> Cost:
        spatial = shape[2:] if self.below == 1 else self._stretched(shape[2:])
        return self.spread.cost((*shape[:2], *spatial))

    def extra_repr(self) -> str:
        return f"{self.settings}, factor={self.above / self.below:g}"
