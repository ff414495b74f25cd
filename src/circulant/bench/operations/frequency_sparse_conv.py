"""Long convolution with the lowest bins of a kernel; transforms have twice the input's length."""

import torch
from torch import Tensor

from circulant import functional as CF
from circulant.algorithms.algorithm import AlgorithmName
from circulant.bench.case import Function
from circulant.bench.operation import (
    SCIPY,
    Operation,
    arrays,
    compiled,
    looped_or,
    normal,
    ours,
    peer,
    plain,
    variant,
)
from circulant.bench.peers import masked_spectrum
from circulant.core.sizes import Shape
from circulant.problems.frequency_sparse_conv import FrequencySparseConvProblem, reference
from circulant.problems.trilinear import Slot


def _operands(shape: Shape) -> tuple[Tensor, ...]:
    batch, channels, length, _ = shape
    return normal((batch, channels, length), (channels, length))


def _exact(shape: Shape) -> Function:
    batch, channels, length, keep = shape
    problem = FrequencySparseConvProblem(
        torch.float64, Slot.OUTPUT, batch, channels, length, length, 2 * length, keep
    )
    return looped_or(problem, reference, masked_spectrum.masked(shape))


def _engine(shape: Shape) -> Function:
    keep = shape[3]
    return lambda x, kernel: CF.frequency_sparse_conv(x, kernel, keep=keep)


def _by_products(shape: Shape) -> Function:
    keep = shape[3]
    return lambda x, kernel: CF.frequency_sparse_conv(x, kernel, keep=keep, algorithm=AlgorithmName.MONARCH)


FREQUENCY_SPARSE_CONV = Operation(
    ("batch", "channels", "length", "keep"),
    _operands,
    _exact,
    (
        ours(_engine),
        variant("circulant, matrix products without masked bins", _by_products),
        plain("torch.fft code", masked_spectrum.masked),
        peer("torch.fft code, kept bins only", masked_spectrum.cut),
        compiled("torch.fft code", masked_spectrum.masked),
        arrays("scipy.fft, kept bins only", masked_spectrum.scipy_cut, SCIPY),
    ),
)
