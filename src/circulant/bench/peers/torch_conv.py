"""The convolutions of torch.nn.functional; channels last they are called with the same arguments."""

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.case import Function
from circulant.core.sizes import Shape


def long_conv(_shape: Shape) -> Function:
    """A depthwise convolution with the flipped kernel."""

    def direct(x: Tensor, kernel: Tensor) -> Tensor:
        taps = kernel.shape[-1]
        weight = kernel.flip(-1)[:, None]
        return F.conv1d(F.pad(x, (taps - 1, 0)), weight, groups=x.shape[1])

    return direct


def causal_conv1d(shape: Shape) -> Function:
    """As sequence models write it: padded on both sides, the samples after the end cut off."""
    _, channels, length, kernel = shape

    def direct(x: Tensor, weight: Tensor) -> Tensor:
        return F.conv1d(x, weight, padding=kernel - 1, groups=channels)[..., :length]

    return direct


def causal_conv1d_as_image(shape: Shape) -> Function:
    """A picture of one row, since torch knows a memory layout with channels innermost for pictures only."""
    _, channels, length, kernel = shape

    def direct(x: Tensor, weight: Tensor) -> Tensor:
        y = F.conv2d(x[:, :, None], weight[:, :, None], padding=(0, kernel - 1), groups=channels)
        return y[:, :, 0, :length]

    return direct


def depthwise_conv2d(shape: Shape) -> Function:
    _, channels, _, kernel = shape

    def direct(x: Tensor, weight: Tensor) -> Tensor:
        return F.conv2d(x, weight, padding=kernel // 2, groups=channels)

    return direct


def conv2d(shape: Shape) -> Function:
    stride = shape[5]

    def direct(x: Tensor, weight: Tensor) -> Tensor:
        return F.conv2d(x, weight, stride=stride)

    return direct


def dynamic_conv2d(shape: Shape) -> Function:
    """One convolution with a group for each channel of each example."""
    batch, channels, pixels, kernel = shape

    def grouped(x: Tensor, weight: Tensor) -> Tensor:
        images = x.reshape(1, batch * channels, pixels, pixels)
        kernels = weight.reshape(batch * channels, 1, kernel, kernel)
        y = F.conv2d(images, kernels, padding=kernel // 2, groups=batch * channels)
        return y.view(batch, channels, *y.shape[2:])

    return grouped
