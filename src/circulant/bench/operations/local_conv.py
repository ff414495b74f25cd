"""Kernels that differ from place to place (involution) or from example to example (dynamic)."""

import torch
from torch import Tensor

from circulant import functional as CF
from circulant.bench.case import Function
from circulant.bench.contestant import Layout
from circulant.bench.operation import Operation, compiled, looped_or, normal, ours, peer, plain
from circulant.bench.peers import torch_conv, unfolded
from circulant.core.sizes import Shape
from circulant.engine.local_conv import local_conv
from circulant.problems import convolution as convolution_problem
from circulant.problems import local_conv as local_problem
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.local_conv import LocalConvProblem
from circulant.problems.trilinear import Slot


def _involution_operands(shape: Shape) -> tuple[Tensor, ...]:
    batch, channels, pixels, kernel, groups = shape
    return normal((batch, channels, pixels, pixels), (batch, groups, kernel**2, pixels, pixels))


def _dynamic_operands(shape: Shape) -> tuple[Tensor, ...]:
    batch, channels, pixels, kernel = shape
    return normal((batch, channels, pixels, pixels), (batch, channels, kernel, kernel))


def _window(batch: int, channels: int, pixels: int, kernel: int) -> ConvolutionProblem:
    ones, padding = (1, 1), ((kernel // 2,) * 2,) * 2
    return ConvolutionProblem(
        torch.float64, Slot.OUTPUT, batch, channels, channels, (pixels,) * 2, (kernel,) * 2, ones, padding,
        ones, channels,
    )  # fmt: skip


def _exact_involution(shape: Shape) -> Function:
    batch, channels, pixels, kernel, groups = shape
    window = _window(batch, channels, pixels, kernel)
    problem = LocalConvProblem(torch.float64, Slot.OUTPUT, groups, window)
    return looped_or(problem, local_problem.reference, unfolded.involution2d_by_taps(shape))


def _exact_dynamic(shape: Shape) -> Function:
    batch, channels, pixels, kernel = shape
    problem = _window(1, batch * channels, pixels, kernel)

    def as_one(x: Tensor, weight: Tensor) -> Tensor:
        images, kernels = x.reshape(1, -1, pixels, pixels), weight.reshape(-1, 1, kernel, kernel)
        return convolution_problem.reference(problem, images, kernels).view(x.shape)

    return looped_or(problem, lambda _, *operands: as_one(*operands), torch_conv.dynamic_conv2d(shape))


def _involution_engine(shape: Shape) -> Function:
    kernel = shape[3]
    size, padding = (kernel, kernel), ((kernel // 2,) * 2,) * 2

    def planned(x: Tensor, weight: Tensor) -> Tensor:
        return local_conv(x, weight, size, stride=(1, 1), padding=padding, dilation=(1, 1))

    return planned


def _dynamic_engine(shape: Shape) -> Function:
    batch, channels, pixels, kernel = shape

    def planned(x: Tensor, weight: Tensor) -> Tensor:
        images = x.reshape(1, batch * channels, pixels, pixels)
        kernels = weight.reshape(batch * channels, 1, kernel, kernel)
        y = CF.conv2d(images, kernels, padding=kernel // 2, groups=batch * channels)
        return y.view(batch, channels, pixels, pixels)

    return planned


INVOLUTION2D = Operation(
    ("batch", "channels", "pixels", "kernel", "groups"),
    _involution_operands,
    _exact_involution,
    (
        ours(_involution_engine),
        plain("unfold code", unfolded.involution2d),
        compiled("unfold code", unfolded.involution2d),
        peer("sum over shifted pictures", unfolded.involution2d_by_taps),
        compiled("sum over shifted pictures", unfolded.involution2d_by_taps),
    ),
)

DYNAMIC_CONV2D = Operation(
    ("batch", "channels", "pixels", "kernel"),
    _dynamic_operands,
    _exact_dynamic,
    (
        ours(_dynamic_engine),
        plain("unfold code", unfolded.dynamic_conv2d),
        compiled("unfold code", unfolded.dynamic_conv2d),
        peer("F.conv2d", torch_conv.dynamic_conv2d),
        peer("F.conv2d, channels last", torch_conv.dynamic_conv2d, layout=Layout.CHANNELS_LAST),
    ),
)
