"""The usual code for kernels that torch has no convolution for: unfold the windows, multiply, sum."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.bench.case import Function
from circulant.core.sizes import Shape


def involution2d(shape: Shape) -> Function:
    batch, channels, pixels, kernel, groups = shape

    def unfolded(x: Tensor, weight: Tensor) -> Tensor:
        windows = F.unfold(x, kernel, padding=kernel // 2)
        windows = windows.view(batch, groups, channels // groups, kernel**2, pixels, pixels)
        return (windows * weight[:, :, None]).sum(3).view(batch, channels, pixels, pixels)

    return unfolded


def involution2d_by_taps(shape: Shape) -> Function:
    """A loop over the taps, each a shifted picture: no windows are unfolded."""
    _, channels, pixels, kernel, groups = shape
    reach = kernel // 2

    def summed(x: Tensor, weight: Tensor) -> Tensor:
        padded = F.pad(x, (reach,) * 4).unflatten(1, (groups, channels // groups))
        total = torch.zeros_like(padded[..., :pixels, :pixels])
        for tap in range(kernel**2):
            row, column = divmod(tap, kernel)
            met = padded[..., row : row + pixels, column : column + pixels]
            total = total + weight[:, :, tap, None] * met
        return total.flatten(1, 2)

    return summed


def dynamic_conv2d(shape: Shape) -> Function:
    batch, channels, pixels, kernel = shape

    def unfolded(x: Tensor, weight: Tensor) -> Tensor:
        windows = F.unfold(x, kernel, padding=kernel // 2).view(batch, channels, kernel**2, pixels**2)
        y = weight.view(batch, channels, 1, kernel**2) @ windows
        return y.view(batch, channels, pixels, pixels)

    return unfolded


def conv2d(shape: Shape) -> Function:
    _, in_channels, out_channels, pixels, kernel, stride = shape
    size = (pixels - kernel) // stride + 1

    def unfolded(x: Tensor, weight: Tensor) -> Tensor:
        windows = F.unfold(x, kernel, stride=stride)
        return (weight.view(out_channels, in_channels * kernel**2) @ windows).unflatten(-1, (size, size))

    return unfolded
