"""The layer behind the operators of low-passed, dilated convolution."""

from dataclasses import replace
from math import ceil

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.sizes import Shape, per_axis
from circulant.engine.conv_settings import ConvSettings, Sizes
from circulant.engine.costs import spectral_filter_cost
from circulant.engine.spectral_filter import real_gains, spectral_filter
from circulant.operators.spatial.conv_parameters import ConvParametersNd
from circulant.operators.spatial.low_pass_gains import LowPass, low_pass_gains


class FouriScaleConvNd(ConvParametersNd):
    """Abstract over the number of spatial axes. Arguments as torch.nn.ConvNd's, then those of the scale."""

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
        scale: float = 1.0,
        native: Sizes | None = None,
        low_pass: LowPass | None = LowPass.SOFT,
        floor: float = 0.0,
        branches: bool = False,
        weak_divisor: float = 1.0,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode,
            device, dtype,
        )  # fmt: skip
        if scale < 1 or weak_divisor < 1 or not 0 <= floor <= 1:
            raise ArgumentError(
                f"expected scale and weak_divisor of 1 or more and floor from 0 to 1, got {scale}, "
                f"{weak_divisor} and {floor}"
            )
        self.scale, self.low_pass, self.floor, self.branches = scale, low_pass, floor, branches
        self.native = None if native is None else per_axis(native, self.settings.ndim, "native")
        self.spread = _spread(self.settings, ceil(scale))
        self.weak = _spread(self.settings, ceil(max(scale / weak_divisor, 1)))

    def forward(self, x: Tensor) -> Tensor:
        self.settings.require_input(x)
        if self.scale == 1:
            return self.settings.convolve(x, self.weight, self.bias)
        batched = x if x.ndim == self.settings.ndim + 2 else x[None]
        if not self.branches:
            y = self._convolve(batched, self.low_pass, self.spread)
            return y if batched is x else y[0]
        if batched.shape[0] % 3:
            raise ShapeError(f"expected a batch of three branches of one size, got x {tuple(x.shape)}")
        text = batched.shape[0] // 3 * 2
        weak = None if self.low_pass is None else LowPass.WEAK
        strong = self._convolve(batched[:text], self.low_pass, self.spread)
        return torch.cat([strong, self._convolve(batched[text:], weak, self.weak)])

    def _convolve(self, x: Tensor, low_pass: LowPass | None, settings: ConvSettings) -> Tensor:
        if low_pass is not None:
            x = self._filtered(x, low_pass)
        return settings.convolve(x, self.weight, self.bias)

    def _filtered(self, x: Tensor, low_pass: LowPass) -> Tensor:
        spatial = tuple(x.shape[2:])
        padded = self._padded(spatial)
        more = [extra for n, m in zip(reversed(spatial), reversed(padded)) for extra in (0, m - n)]
        full = x if self.native is None else F.pad(x, more)
        scales = tuple(max(self.scale / step, 1.0) for step in self.settings.stride)
        gains = low_pass_gains(padded, scales, low_pass, self.floor, x)
        full = spectral_filter(full, real_gains(gains))
        for axis, n in enumerate(spatial, 2):
            full = full.narrow(axis, 0, n) if self.native is not None else full
        return full

    def _padded(self, spatial: Shape) -> Shape:
        """The smallest multiple of the native size that holds so many samples."""
        if self.native is None:
            return spatial
        times = max(-(-n // native) for n, native in zip(spatial, self.native))
        return tuple(native * times for native in self.native)

    def cost(self, shape: Shape) -> Cost:
        if self.scale == 1:
            return self.settings.cost(shape)
        convolving = self.spread.cost(shape)
        if self.low_pass is None:
            return convolving
        return convolving + spectral_filter_cost((*shape[:2], *self._padded(shape[2:])))

    def extra_repr(self) -> str:
        kind = "none" if self.low_pass is None else self.low_pass.name
        return f"{self.settings}, scale={self.scale:g}, native={self.native}, low_pass={kind}"


def _spread(settings: ConvSettings, n: int) -> ConvSettings:
    sides = tuple((n * before, n * after) for before, after in settings.padding)
    return replace(settings, padding=sides, dilation=tuple(n * d for d in settings.dilation))
