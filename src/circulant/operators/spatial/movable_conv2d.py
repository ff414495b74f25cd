"""A convolution whose taps may move, each by an offset that a second convolution makes of the input."""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.engine.conv_settings import conv_settings
from circulant.engine.convolution import convolution
from circulant.engine.sampled_conv import sampled_conv
from circulant.operators.spatial.dense_conv import DenseConv

SPREAD = 0.01  # of the first kernels


@final
class MovableConv2d(nn.Module):
    """y(p) = sum_k w_k x(stride p + k + o_k(p)) + b, with o = 0 unless told to move.

    Shapes: x (B, C, H, W) -> y (B, O, ceil(H / stride), ceil(W / stride)). Offsets (B, 2 K^2, ..), vertical
    and horizontal in turn for taps row by row.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        stride: int = 1,
        *,
        movable: bool = False,
    ) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ArgumentError(f"expected an odd kernel_size of 1 or more, got {kernel_size}")
        taps, reach = kernel_size**2, kernel_size // 2
        shared = (kernel_size, stride, reach)
        self.conv = DenseConv(conv_settings(2, in_channels, out_channels, *shared))
        self.offset = DenseConv(conv_settings(2, in_channels, 2 * taps, *shared)) if movable else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        for parameter in self.parameters():
            nn.init.zeros_(parameter)
        nn.init.normal_(self.conv.weight, std=SPREAD)

    def forward(self, x: Tensor, moved: bool = True) -> Tensor:
        if self.offset is None or not moved:
            return self.conv(x)
        weight, settings = self.conv.weight, self.conv.settings
        K, taps = settings.kernel[0], settings.kernel[0] ** 2
        steps = torch.arange(K, device=x.device, dtype=x.dtype) - K // 2
        grid = torch.cartesian_prod(steps, steps)[:, None, :, None, None]
        offset = self.offset(x).unflatten(1, (taps, 1, 2)) + grid
        # each tap reads its own copy of x, so that all are sampled at once and one product joins them
        read = sampled_conv(
            x.repeat(1, taps, 1, 1), offset, torch.ones_like(offset[:, :, :, 0]), (1, 1),
            stride=settings.stride, padding=((0, 0), (0, 0)), dilation=(1, 1),
        )  # fmt: skip
        joined = weight.permute(0, 2, 3, 1).reshape(len(weight), -1, 1, 1)
        whole = ((0, 0), (0, 0))
        return convolution(read, joined, self.conv.bias, stride=(1, 1), padding=whole, dilation=(1, 1))
