"""Depthwise convolution of pictures (zeros around them) and of sequences (causal)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant import functional as CF
from circulant.bench.case import Function
from circulant.bench.contestant import Layout
from circulant.bench.operation import (
    FFT_CONV,
    SCIPY,
    Operation,
    arrays,
    compiled,
    looped_or,
    normal,
    ours,
    peer,
    plain,
    runtimes,
    variant,
)
from circulant.bench.peers import fft_conv, onnx_layer, scipy_signal, torch_conv, torch_fft
from circulant.core.sizes import Shape
from circulant.problems.convolution import ConvolutionProblem, reference
from circulant.problems.trilinear import Slot
from circulant.windows import sliding_window_conv2d


def _images(shape: Shape) -> tuple[Tensor, ...]:
    batch, channels, pixels, kernel = shape
    return normal((batch, channels, pixels, pixels), (channels, 1, kernel, kernel))


def _sequences(shape: Shape) -> tuple[Tensor, ...]:
    batch, channels, length, kernel = shape
    return normal((batch, channels, length), (channels, 1, kernel))


def _exact_images(shape: Shape) -> Function:
    """By torch.fft: torch's direct float64 code takes minutes for the largest kernels."""
    _, _, pixels, kernel = shape
    problem = _problem(shape, (pixels, pixels), (kernel, kernel), (kernel // 2, kernel // 2))
    return looped_or(problem, reference, torch_fft.depthwise_conv2d(shape))


def _exact_sequences(shape: Shape) -> Function:
    _, channels, length, kernel = shape
    problem = _problem(shape, (length,), (kernel,), (kernel - 1, 0))

    def padded(x: Tensor, weight: Tensor) -> Tensor:
        return F.conv1d(F.pad(x, (kernel - 1, 0)), weight, groups=channels)

    return looped_or(problem, reference, padded)


def _problem(shape: Shape, spatial: Shape, kernel: Shape, padding: tuple[int, int]) -> ConvolutionProblem:
    batch, channels = shape[:2]
    ones = (1,) * len(spatial)
    return ConvolutionProblem(
        torch.float64, Slot.OUTPUT, batch, channels, channels, spatial, kernel, ones,
        (padding,) * len(spatial), ones, channels,
    )  # fmt: skip


def _engine_images(shape: Shape) -> Function:
    _, channels, _, kernel = shape

    def planned(x: Tensor, weight: Tensor) -> Tensor:
        return CF.conv2d(x, weight, padding=kernel // 2, groups=channels)

    return planned


def _sliding_images(shape: Shape) -> Function:
    _, channels, _, kernel = shape

    def slid(x: Tensor, weight: Tensor) -> Tensor:
        return sliding_window_conv2d(x, weight, padding=kernel // 2, groups=channels)

    return slid


def _engine_sequences(shape: Shape) -> Function:
    channels = shape[1]

    def planned(x: Tensor, weight: Tensor) -> Tensor:
        return CF.conv1d(x, weight, padding="causal", groups=channels)

    return planned


DEPTHWISE_CONV2D = Operation(
    ("batch", "channels", "pixels", "kernel"),
    _images,
    _exact_images,
    (
        ours(_engine_images),
        variant("circulant, channels last", _engine_images, Layout.CHANNELS_LAST),
        variant("circulant, sliding windows", _sliding_images, has_backward=False),
        plain("F.conv2d", torch_conv.depthwise_conv2d),
        peer("F.conv2d, channels last", torch_conv.depthwise_conv2d, layout=Layout.CHANNELS_LAST),
        compiled("F.conv2d", torch_conv.depthwise_conv2d),
        peer("torch.fft code", torch_fft.depthwise_conv2d),
        peer("fft-conv-pytorch", fft_conv.depthwise_conv2d, FFT_CONV),
        arrays("scipy fftconvolve", scipy_signal.fft_depthwise_conv2d, SCIPY),
        arrays("scipy oaconvolve", scipy_signal.block_depthwise_conv2d, SCIPY),
        *runtimes(onnx_layer.conv(padding=lambda shape: shape[3] // 2, stride=lambda shape: 1)),
    ),
)

DEPTHWISE_CONV1D = Operation(
    ("batch", "channels", "length", "kernel"),
    _sequences,
    _exact_sequences,
    (
        ours(_engine_sequences),
        plain("F.conv1d", torch_conv.causal_conv1d),
        peer("F.conv2d, channels last", torch_conv.causal_conv1d_as_image, layout=Layout.CHANNELS_LAST),
        compiled("F.conv1d", torch_conv.causal_conv1d),
    ),
)
