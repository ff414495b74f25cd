"""Long causal convolutions: plain, gated, and with short kernels."""

import torch
from torch import Tensor

from circulant import functional as CF
from circulant.bench.case import Function
from circulant.bench.operation import (
    DUCC,
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
)
from circulant.bench.peers import ducc, fft_conv, scipy_signal, torch_conv, torch_fft
from circulant.core.sizes import Shape
from circulant.problems.long_conv import LongConvProblem, reference
from circulant.problems.trilinear import Slot

SLOW_FLOP = 2e10  # torch's depthwise conv1d does about 4 GFLOP in a second


def _operands(shape: Shape) -> tuple[Tensor, ...]:
    batch, channels, length = shape
    return normal((batch, channels, length), (channels, length))


def _gated_operands(shape: Shape) -> tuple[Tensor, ...]:
    batch, channels, length = shape
    return normal((batch, channels, length), (channels, length), *((batch, channels, length),) * 2)


def _partial_operands(shape: Shape) -> tuple[Tensor, ...]:
    batch, channels, length, taps = shape
    return normal((batch, channels, length), (channels, taps))


def _exact(shape: Shape) -> Function:
    batch, channels, length, *taps = shape
    kernel = taps[0] if taps else length
    problem = LongConvProblem(torch.float64, Slot.OUTPUT, batch, channels, length, kernel, 0, False)
    return looped_or(problem, reference, torch_fft.long_conv(shape))


def _exact_gated(shape: Shape) -> Function:
    convolve = _exact(shape)

    def gated(x: Tensor, kernel: Tensor, gate_in: Tensor, gate_out: Tensor) -> Tensor:
        return gate_out * convolve(gate_in * x, kernel)

    return gated


def _engine(_shape: Shape) -> Function:
    return CF.long_conv


def _gated_engine(_shape: Shape) -> Function:
    def gated(x: Tensor, kernel: Tensor, gate_in: Tensor, gate_out: Tensor) -> Tensor:
        return CF.long_conv(x, kernel, gate_in=gate_in, gate_out=gate_out)

    return gated


def _too_slow(shape: Shape) -> str:
    batch, channels, length, *taps = shape
    flop = 2.0 * batch * channels * length * (taps[0] if taps else length)
    return f"{flop / 1e9:.0f} GFLOP in a direct sum take too long" if flop > SLOW_FLOP else ""


LONG_CONV = Operation(
    ("batch", "channels", "length"),
    _operands,
    _exact,
    (
        ours(_engine),
        plain("torch.fft code", torch_fft.long_conv),
        compiled("torch.fft code", torch_fft.long_conv),
        peer("F.conv1d", torch_conv.long_conv, refuses=_too_slow),
        peer("fft-conv-pytorch", fft_conv.long_conv, FFT_CONV),
        arrays("scipy fftconvolve", scipy_signal.fft_long_conv, SCIPY),
        arrays("scipy oaconvolve", scipy_signal.block_long_conv, SCIPY),
        arrays("ducc0 convolve_axis", ducc.long_conv_by_axis, DUCC),
        arrays("ducc0 r2c and c2r", ducc.long_conv_by_transforms, DUCC),
    ),
)

GATED_LONG_CONV = Operation(
    ("batch", "channels", "length"),
    _gated_operands,
    _exact_gated,
    (
        ours(_gated_engine),
        plain("torch.fft code", torch_fft.gated_long_conv),
        compiled("torch.fft code", torch_fft.gated_long_conv),
        arrays("scipy fftconvolve", scipy_signal.fft_gated_long_conv, SCIPY),
    ),
)

PARTIAL_LONG_CONV = Operation(
    ("batch", "channels", "length", "taps"),
    _partial_operands,
    _exact,
    (
        ours(_engine),
        plain("torch.fft code", torch_fft.long_conv),
        plain("F.conv1d", torch_conv.long_conv, _too_slow),
        peer("torch.fft code, shortest transform", torch_fft.shortest_long_conv),
        peer("fft-conv-pytorch", fft_conv.long_conv, FFT_CONV),
        arrays("scipy fftconvolve", scipy_signal.fft_long_conv, SCIPY),
        arrays("scipy oaconvolve", scipy_signal.block_long_conv, SCIPY),
    ),
)
