"""The flow layer that inverts a convolution towards the latent values, and convolves towards the data.

After Sandeep Nagar and Girish Varma (2024), Parallel Backpropagation for Inverse of a Convolution with
Application to Normalizing Flows, https://arxiv.org/abs/2410.14634. Training solves, by the engine's
inverse convolution and its parallel backward pass; sampling is one plain convolution. The kernel looks
into one corner and is a unit triangle there, so the log-determinant is 0.
Shapes: x (B, C, H, W) -> z (B, C, H, W).
"""

from collections.abc import Iterable
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.sizes import per_axis
from circulant.engine.inverse_conv import Corner, inverse_conv2d, inverted_conv, plain_kernel
from circulant.models.flow import Flow, Transformed

NOISE = 0.01  # gain of the Xavier noise around the identity


@final
class InverseConvFlow(Flow):
    """`weight` (C, C, *kernel) has fixed taps, set at the start and neither read nor trained after it.

    It begins near the identity: the paper's Dirac is taken at the fixed tap, where it is the unit
    diagonal. Their code puts it at the centre, as a second tap of size 1, with which solving amplifies noise.
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int | Iterable[int] = 3,
        corner: Corner = Corner.TOP_LEFT,
        *,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.corner = corner
        kernel = per_axis(kernel_size, 2, "kernel_size")
        noise = torch.empty(channels, channels, *kernel, device=device, dtype=dtype)
        nn.init.xavier_normal_(noise, gain=NOISE)
        self.weight = nn.Parameter(plain_kernel(noise, corner.flipped_axes))

    def forward(self, x: Tensor) -> Transformed:
        z = inverse_conv2d(x, self.weight, corner=self.corner)
        return Transformed(z, z.new_zeros(z.shape[0]))

    def inverse(self, z: Tensor) -> Tensor:
        return inverted_conv(z, self.weight, flipped_axes=self.corner.flipped_axes)
