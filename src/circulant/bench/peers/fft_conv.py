"""The package fft-conv-pytorch."""

from torch import Tensor

from circulant.bench.case import Function
from circulant.core.sizes import Shape


def long_conv(_shape: Shape) -> Function:
    from fft_conv_pytorch import fft_conv

    def convolved(x: Tensor, kernel: Tensor) -> Tensor:
        taps, channels = kernel.shape[-1], x.shape[1]
        weight = kernel.flip(-1)[:, None]
        return fft_conv(x, weight, padding=taps - 1, groups=channels)[..., : x.shape[-1]]

    return convolved


def depthwise_conv2d(shape: Shape) -> Function:
    from fft_conv_pytorch import fft_conv

    _, channels, _, kernel = shape

    def convolved(x: Tensor, weight: Tensor) -> Tensor:
        return fft_conv(x, weight, padding=kernel // 2, groups=channels)

    return convolved
