"""Convolution by torch.fft, written as papers on long convolutions write their baseline."""

import torch
from torch import Tensor

from circulant.bench.case import Function
from circulant.core.sizes import Shape, smooth_length


def long_conv(_shape: Shape) -> Function:
    """Both operands padded to twice the length, transformed, multiplied, transformed back."""
    return _padded_to_twice


def gated_long_conv(_shape: Shape) -> Function:
    def gated(x: Tensor, kernel: Tensor, gate_in: Tensor, gate_out: Tensor) -> Tensor:
        return gate_out * _padded_to_twice(x * gate_in, kernel)

    return gated


def shortest_long_conv(shape: Shape) -> Function:
    """The same with the shortest transform that is fast and keeps the wrapped samples out."""
    length, taps = shape[2], shape[3]
    room = smooth_length(length + taps - 1)

    def shortest(x: Tensor, kernel: Tensor) -> Tensor:
        spectrum = torch.fft.rfft(x, n=room) * torch.fft.rfft(kernel, n=room)
        return torch.fft.irfft(spectrum, n=room)[..., :length]

    return shortest


def depthwise_conv2d(shape: Shape) -> Function:
    """Pictures with zeros around them; transforms as short as the outputs that are kept allow."""
    _, _, pixels, kernel = shape
    before, room = kernel // 2, (smooth_length(pixels + kernel // 2),) * 2
    first = kernel - 1 - before

    def transformed(x: Tensor, weight: Tensor) -> Tensor:
        flipped = weight[:, 0].flip(-2, -1)
        spectrum = torch.fft.rfft2(x, s=room) * torch.fft.rfft2(flipped, s=room)
        full = torch.fft.irfft2(spectrum, s=room)
        return full[..., first : first + pixels, first : first + pixels]

    return transformed


def _padded_to_twice(x: Tensor, kernel: Tensor) -> Tensor:
    length = x.shape[-1]
    spectrum = torch.fft.rfft(x, n=2 * length) * torch.fft.rfft(kernel, n=2 * length)
    return torch.fft.irfft(spectrum, n=2 * length)[..., :length]
