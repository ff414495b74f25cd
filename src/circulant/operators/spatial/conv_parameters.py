"""The parameters of a torch convolution, for operators that apply them in another way than torch does."""

from math import sqrt
from typing import Any, Self

import torch
from torch import nn

from circulant.core.operator import Operator
from circulant.engine.conv_settings import Sizes, TorchConv, constructor_arguments, conv_settings


class ConvParametersNd(Operator):
    """Abstract over the number of spatial axes. Arguments as torch.nn.ConvNd's; `weight` and `bias` too."""

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
    ) -> None:
        super().__init__()
        self.settings = conv_settings(
            self.ndims[0], in_channels, out_channels, kernel_size, stride, padding, dilation, groups,
            padding_mode,
        )  # fmt: skip
        shape = self.settings.weight_shape
        self.weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(out_channels, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """As torch's."""
        bound = 1 / sqrt(self.weight[0].numel())
        nn.init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            nn.init.uniform_(self.bias, -bound, bound)

    @classmethod
    def from_conv(cls, conv: TorchConv, **extras: Any) -> Self:
        """On the very parameters of a layer of torch: a step of an optimiser moves both."""
        new = cls(**{**constructor_arguments(conv), "device": "meta"}, **extras)
        new._parameters.update(conv._parameters)
        return new

    def to_conv(self) -> TorchConv:
        """torch's own layer with copies of the parameters, applied as torch does."""
        return self.settings.layer(self.weight, self.bias)
