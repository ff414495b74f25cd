"""Dense convolution of pictures without padding."""

import torch
from torch import Tensor

from circulant import functional as CF
from circulant.bench.case import Function
from circulant.bench.contestant import Layout
from circulant.bench.operation import (
    Operation,
    compiled,
    looped_or,
    normal,
    ours,
    peer,
    plain,
    runtimes,
    variant,
)
from circulant.bench.peers import onnx_layer, torch_conv, unfolded
from circulant.core.sizes import Shape
from circulant.problems.convolution import ConvolutionProblem, reference
from circulant.problems.trilinear import Slot
from circulant.windows import im2win_conv2d, sliding_window_conv2d


def _operands(shape: Shape) -> tuple[Tensor, ...]:
    batch, in_channels, out_channels, pixels, kernel, _ = shape
    return normal((batch, in_channels, pixels, pixels), (out_channels, in_channels, kernel, kernel))


def _exact(shape: Shape) -> Function:
    batch, in_channels, out_channels, pixels, kernel, stride = shape
    problem = ConvolutionProblem(
        torch.float64, Slot.OUTPUT, batch, in_channels, out_channels, (pixels,) * 2, (kernel,) * 2,
        (stride,) * 2, ((0, 0),) * 2, (1, 1), 1,
    )  # fmt: skip
    return looped_or(problem, reference, torch_conv.conv2d(shape))


def _engine(shape: Shape) -> Function:
    stride = shape[5]

    def planned(x: Tensor, weight: Tensor) -> Tensor:
        return CF.conv2d(x, weight, stride=stride)

    return planned


def _sliding(shape: Shape) -> Function:
    stride = shape[5]
    return lambda x, weight: sliding_window_conv2d(x, weight, stride=stride)


def _im2win(shape: Shape) -> Function:
    stride = shape[5]
    return lambda x, weight: im2win_conv2d(x, weight, stride=stride)


CONV2D = Operation(
    ("batch", "in_channels", "out_channels", "pixels", "kernel", "stride"),
    _operands,
    _exact,
    (
        ours(_engine),
        variant("circulant, channels last", _engine, Layout.CHANNELS_LAST),
        variant("circulant, sliding windows", _sliding, has_backward=False),
        variant("circulant, im2win", _im2win, has_backward=False),
        plain("F.conv2d", torch_conv.conv2d),
        plain("unfold and matmul", unfolded.conv2d),
        peer("F.conv2d, channels last", torch_conv.conv2d, layout=Layout.CHANNELS_LAST),
        compiled("F.conv2d", torch_conv.conv2d),
        *runtimes(onnx_layer.conv(padding=lambda shape: 0, stride=lambda shape: shape[5])),
    ),
)
