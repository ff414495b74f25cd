"""Every way to run a problem, one row each: problem, algorithm, backend, function."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from torch import Tensor

from circulant.algorithms.algorithm import Algorithm
from circulant.algorithms.channels_last import ChannelsLast
from circulant.algorithms.dft_matrix import DFTMatrix
from circulant.algorithms.direct import Direct, DirectDepthwise
from circulant.algorithms.direct_gathered import DirectGathered
from circulant.algorithms.direct_local import DirectLocal
from circulant.algorithms.direct_sampled import DirectSampled
from circulant.algorithms.fft import FastTransform, FFTConvolution, FFTLongConv, FusedFFTLongConv
from circulant.algorithms.frequency_sparse_conv import FFTFrequencySparseConv, MonarchFrequencySparseConv
from circulant.algorithms.im2col import Im2col
from circulant.algorithms.monarch import MonarchLongConv
from circulant.algorithms.overlap_save import FusedOverlapSaveLongConv, OverlapSave, OverlapSaveLongConv
from circulant.backends.native import depthwise_conv as native_depthwise
from circulant.backends.native import gathered_conv as native_gathered
from circulant.backends.native import local_conv as native_local
from circulant.backends.native import long_conv as native_long
from circulant.backends.native import overlap_save as native_overlap_save
from circulant.backends.native import sampled_conv as native_sampled
from circulant.backends.torch import (
    convolution,
    frequency_sparse_conv,
    gathered_conv,
    im2col,
    local_conv,
    long_conv,
    monarch,
    sampled_conv,
    spectra,
    transform,
)
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.frequency_sparse_conv import FrequencySparseConvProblem
from circulant.problems.gathered_conv import GatheredConvProblem
from circulant.problems.local_conv import LocalConvProblem
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.problem import Problem
from circulant.problems.sampled_conv import SampledConvProblem
from circulant.problems.transform import TransformProblem


class Backend(Enum):
    TORCH = "torch"
    NATIVE = "native"


@dataclass(frozen=True, slots=True)
class Implementation:
    problem: type[Problem]
    algorithm: Algorithm[Any]
    backend: Backend
    run: Callable[..., Tensor]
    gradients: Callable[..., tuple[Tensor, Tensor]] | None = None  # of both operands at once
    gated: Callable[..., Tensor] | None = None  # with skip and gates in the same pass

    def __str__(self) -> str:
        return f"{self.algorithm.name.value} on {self.backend.value}"


IMPLEMENTATIONS = (
    Implementation(ConvolutionProblem, Direct(), Backend.TORCH, convolution.direct),
    Implementation(ConvolutionProblem, ChannelsLast(), Backend.TORCH, convolution.channels_last),
    Implementation(ConvolutionProblem, Im2col(), Backend.TORCH, im2col.im2col),
    Implementation(ConvolutionProblem, FFTConvolution(), Backend.TORCH, spectra.fft_convolution),
    Implementation(ConvolutionProblem, OverlapSave(), Backend.TORCH, spectra.overlap_save),
    Implementation(ConvolutionProblem, DirectDepthwise(), Backend.NATIVE, native_depthwise.solve),
    Implementation(LongConvProblem, Direct(), Backend.TORCH, long_conv.direct),
    Implementation(LongConvProblem, FFTLongConv(), Backend.TORCH, spectra.fft_long_conv),
    Implementation(LongConvProblem, OverlapSaveLongConv(), Backend.TORCH, long_conv.overlap_save),
    Implementation(LongConvProblem, MonarchLongConv(), Backend.TORCH, monarch.long_conv),
    Implementation(
        LongConvProblem, FusedFFTLongConv(), Backend.NATIVE, native_long.solve,
        gradients=native_long.gradients, gated=native_long.output,
    ),
    Implementation(
        LongConvProblem, FusedOverlapSaveLongConv(), Backend.NATIVE, native_overlap_save.solve,
        gradients=native_overlap_save.gradients, gated=native_overlap_save.output,
    ),
    Implementation(
        FrequencySparseConvProblem, FFTFrequencySparseConv(), Backend.TORCH, frequency_sparse_conv.fft
    ),
    Implementation(
        FrequencySparseConvProblem, MonarchFrequencySparseConv(), Backend.TORCH, frequency_sparse_conv.monarch
    ),
    Implementation(LocalConvProblem, Direct(), Backend.TORCH, local_conv.direct),
    Implementation(LocalConvProblem, DirectLocal(), Backend.NATIVE, native_local.solve),
    Implementation(SampledConvProblem, Direct(), Backend.TORCH, sampled_conv.direct),
    Implementation(SampledConvProblem, DirectSampled(), Backend.NATIVE, native_sampled.solve),
    Implementation(GatheredConvProblem, Direct(), Backend.TORCH, gathered_conv.direct),
    Implementation(GatheredConvProblem, DirectGathered(), Backend.NATIVE, native_gathered.solve),
    Implementation(TransformProblem, FastTransform(), Backend.TORCH, transform.fft),
    Implementation(TransformProblem, DFTMatrix(), Backend.TORCH, transform.dft_matrix),
)
