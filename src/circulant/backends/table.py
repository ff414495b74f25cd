"""Every way to run a problem, one row each: problem, algorithm, backend, function."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from torch import Tensor

from circulant.algorithms.algorithm import Algorithm
from circulant.algorithms.banded_depthwise import BandedDepthwise
from circulant.algorithms.block_fusion import BlockFusion, LayerByLayer
from circulant.algorithms.channels_last import ChannelsLast
from circulant.algorithms.dft_matrix import DFTMatrix
from circulant.algorithms.direct import Direct, DirectDepthwise
from circulant.algorithms.direct_gathered import DirectGathered
from circulant.algorithms.direct_local import DirectLocal
from circulant.algorithms.direct_memory import (
    convolution_memory,
    gathered_memory,
    local_memory,
    long_conv_memory,
    pooling_memory,
    sampled_memory,
)
from circulant.algorithms.direct_sampled import DirectSampled
from circulant.algorithms.fft import (
    FFTConvolution,
    FFTLongConv,
    FusedFFTDepthwise,
    FusedFFTLongConv,
)
from circulant.algorithms.frequency_sparse_conv import (
    FFTFrequencySparseConv,
    FusedFFTFrequencySparseConv,
    MonarchFrequencySparseConv,
)
from circulant.algorithms.im2col import Im2col
from circulant.algorithms.im2win import Im2win, TiledIm2win
from circulant.algorithms.linear_attention import (
    ChunkedAttention,
    FusedChunkedAttention,
    QuadraticAttention,
    SequentialAttention,
    TiledAttention,
)
from circulant.algorithms.low_frequencies import CutTransform, FusedCutTransform, WaveProducts
from circulant.algorithms.monarch import MonarchLongConv
from circulant.algorithms.overlap_save import FusedOverlapSaveLongConv, OverlapSave, OverlapSaveLongConv
from circulant.algorithms.scan import (
    ChunkedScan,
    FusedSequential,
    SelectiveChunkedScan,
    SelectiveFusedScan,
    Sequential,
)
from circulant.algorithms.sliding_pool import SlidingPool
from circulant.algorithms.sliding_window import SlidingWindow
from circulant.algorithms.spectral_filter import FFTSpectralFilter, FusedSpectralFilter
from circulant.algorithms.substitution import FusedWavefront, Substitution, Wavefront
from circulant.algorithms.tiled_monarch import TiledMonarchLongConv
from circulant.algorithms.transform import FastTransform, FusedTransform
from circulant.algorithms.winograd import Winograd
from circulant.backends.native import depthwise_conv as native_depthwise
from circulant.backends.native import depthwise_fft as native_depthwise_fft
from circulant.backends.native import frequency_sparse_conv as native_frequency_sparse
from circulant.backends.native import fused_block as native_block
from circulant.backends.native import gathered_conv as native_gathered
from circulant.backends.native import im2win as native_im2win
from circulant.backends.native import inverse_conv as native_inverse
from circulant.backends.native import linear_attention as native_attention
from circulant.backends.native import local_conv as native_local
from circulant.backends.native import long_conv as native_long
from circulant.backends.native import low_frequencies as native_low_frequencies
from circulant.backends.native import overlap_save as native_overlap_save
from circulant.backends.native import recurrence as native_recurrence
from circulant.backends.native import sampled_conv as native_sampled
from circulant.backends.native import selective_scan as native_selective
from circulant.backends.native import sliding_conv as native_sliding_conv
from circulant.backends.native import sliding_pool as native_sliding_pool
from circulant.backends.native import spectral_filter as native_spectral_filter
from circulant.backends.native import transform as native_transform
from circulant.backends.native import winograd as native_winograd
from circulant.backends.torch import (
    conv_first_block,
    convolution,
    delta_solve,
    frequency_sparse_conv,
    gathered_conv,
    im2col,
    im2win,
    inverse_conv,
    linear_attention,
    local_conv,
    long_conv,
    low_frequencies,
    monarch,
    pooling,
    recurrence,
    sampled_conv,
    selective_scan,
    spectra,
    spectral_filter,
    transform,
)
from circulant.backends.triton import depthwise_conv as triton_depthwise
from circulant.backends.triton import im2win as triton_im2win
from circulant.backends.triton import linear_attention as triton_attention
from circulant.backends.triton import local_conv as triton_local
from circulant.backends.triton import long_conv as triton_long
from circulant.backends.triton import sampled_conv as triton_sampled
from circulant.problems.conv_first_block import ConvFirstBlockProblem
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.delta_solve import DeltaSolveProblem
from circulant.problems.frequency_sparse_conv import FrequencySparseConvProblem
from circulant.problems.gathered_conv import GatheredConvProblem
from circulant.problems.inverse_conv import InverseConvProblem
from circulant.problems.linear_attention import LinearAttentionProblem
from circulant.problems.local_conv import LocalConvProblem
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.low_frequencies import LowFrequenciesProblem
from circulant.problems.pooling import PoolingProblem
from circulant.problems.problem import Problem
from circulant.problems.recurrence import RecurrenceProblem
from circulant.problems.sampled_conv import SampledConvProblem
from circulant.problems.selective_scan import SelectiveScanProblem
from circulant.problems.spectral_filter import SpectralFilterProblem
from circulant.problems.transform import TransformProblem


class Backend(Enum):
    TORCH = "torch"
    NATIVE = "native"
    TRITON = "triton"


@dataclass(frozen=True, slots=True)
class Implementation:
    problem: type[Problem]
    algorithm: Algorithm[Any]
    backend: Backend
    run: Callable[..., Tensor]
    gradients: Callable[..., tuple[Tensor, Tensor]] | None = None  # of both operands at once
    gated: Callable[..., Tensor] | None = None  # with skip and gates in the same pass
    spectra: Callable[..., Tensor] | None = None  # of a kernel that does not change, for `gated`

    def __str__(self) -> str:
        return f"{self.algorithm.name.value} on {self.backend.value}"


IMPLEMENTATIONS = (
    Implementation(ConvolutionProblem, Direct(convolution_memory), Backend.TORCH, convolution.direct),
    Implementation(ConvolutionProblem, ChannelsLast(), Backend.TORCH, convolution.channels_last),
    Implementation(ConvolutionProblem, Im2col(), Backend.TORCH, im2col.im2col),
    Implementation(ConvolutionProblem, FFTConvolution(), Backend.TORCH, spectra.fft_convolution),
    Implementation(ConvolutionProblem, DirectDepthwise(), Backend.TRITON, triton_depthwise.solve),
    Implementation(ConvolutionProblem, OverlapSave(), Backend.TORCH, spectra.overlap_save),
    Implementation(ConvolutionProblem, BandedDepthwise(), Backend.NATIVE, native_depthwise.solve),
    Implementation(ConvolutionProblem, FusedFFTDepthwise(), Backend.NATIVE, native_depthwise_fft.solve),
    Implementation(ConvolutionProblem, Im2win(), Backend.TORCH, im2win.im2win),
    Implementation(ConvolutionProblem, TiledIm2win(), Backend.NATIVE, native_im2win.solve),
    Implementation(ConvolutionProblem, Im2win(), Backend.TRITON, triton_im2win.solve),
    Implementation(ConvolutionProblem, SlidingWindow(), Backend.NATIVE, native_sliding_conv.solve),
    Implementation(ConvolutionProblem, Winograd(), Backend.NATIVE, native_winograd.solve),
    Implementation(LongConvProblem, Direct(long_conv_memory), Backend.TORCH, long_conv.direct),
    Implementation(LongConvProblem, FFTLongConv(), Backend.TORCH, spectra.fft_long_conv),
    Implementation(LongConvProblem, OverlapSaveLongConv(), Backend.TORCH, long_conv.overlap_save),
    Implementation(LongConvProblem, MonarchLongConv(), Backend.TORCH, monarch.long_conv),
    Implementation(
        LongConvProblem, TiledMonarchLongConv(), Backend.TRITON, triton_long.solve, gated=triton_long.output
    ),
    Implementation(
        LongConvProblem,
        FusedFFTLongConv(),
        Backend.NATIVE,
        native_long.solve,
        gradients=native_long.gradients,
        gated=native_long.output,
        spectra=native_long.spectra,
    ),
    Implementation(
        LongConvProblem,
        FusedOverlapSaveLongConv(),
        Backend.NATIVE,
        native_overlap_save.solve,
        gradients=native_overlap_save.gradients,
        gated=native_overlap_save.output,
        spectra=native_overlap_save.spectra,
    ),
    Implementation(
        FrequencySparseConvProblem, FFTFrequencySparseConv(), Backend.TORCH, frequency_sparse_conv.fft
    ),
    Implementation(
        FrequencySparseConvProblem, MonarchFrequencySparseConv(), Backend.TORCH, frequency_sparse_conv.monarch
    ),
    Implementation(
        FrequencySparseConvProblem,
        FusedFFTFrequencySparseConv(),
        Backend.NATIVE,
        native_frequency_sparse.solve,
    ),
    Implementation(LocalConvProblem, Direct(local_memory), Backend.TORCH, local_conv.direct),
    Implementation(LocalConvProblem, DirectLocal(), Backend.NATIVE, native_local.solve),
    Implementation(LocalConvProblem, Direct(), Backend.TRITON, triton_local.solve),
    Implementation(SampledConvProblem, Direct(sampled_memory), Backend.TORCH, sampled_conv.direct),
    Implementation(SampledConvProblem, DirectSampled(), Backend.NATIVE, native_sampled.solve),
    Implementation(SampledConvProblem, Direct(), Backend.TRITON, triton_sampled.solve),
    Implementation(GatheredConvProblem, Direct(gathered_memory), Backend.TORCH, gathered_conv.direct),
    Implementation(GatheredConvProblem, DirectGathered(), Backend.NATIVE, native_gathered.solve),
    Implementation(ConvFirstBlockProblem, LayerByLayer(), Backend.TORCH, conv_first_block.direct),
    Implementation(ConvFirstBlockProblem, BlockFusion(), Backend.NATIVE, native_block.solve),
    Implementation(PoolingProblem, Direct(pooling_memory), Backend.TORCH, pooling.direct),
    Implementation(PoolingProblem, SlidingPool(), Backend.NATIVE, native_sliding_pool.solve),
    Implementation(InverseConvProblem, Wavefront(), Backend.TORCH, inverse_conv.wavefront),
    Implementation(InverseConvProblem, Substitution(), Backend.TORCH, inverse_conv.substitution),
    Implementation(InverseConvProblem, FusedWavefront(), Backend.NATIVE, native_inverse.solve),
    Implementation(RecurrenceProblem, Sequential(), Backend.TORCH, recurrence.sequential),
    Implementation(RecurrenceProblem, ChunkedScan(), Backend.TORCH, recurrence.scan),
    Implementation(RecurrenceProblem, FusedSequential(), Backend.NATIVE, native_recurrence.solve),
    Implementation(SelectiveScanProblem, SelectiveChunkedScan(), Backend.TORCH, selective_scan.scan),
    Implementation(SelectiveScanProblem, SelectiveFusedScan(), Backend.NATIVE, native_selective.solve),
    Implementation(LinearAttentionProblem, SequentialAttention(), Backend.TORCH, linear_attention.sequential),
    Implementation(LinearAttentionProblem, ChunkedAttention(), Backend.TORCH, linear_attention.chunked),
    Implementation(LinearAttentionProblem, QuadraticAttention(), Backend.TORCH, linear_attention.quadratic),
    Implementation(LinearAttentionProblem, FusedChunkedAttention(), Backend.NATIVE, native_attention.solve),
    Implementation(LinearAttentionProblem, TiledAttention(), Backend.TRITON, triton_attention.solve),
    Implementation(DeltaSolveProblem, SequentialAttention(), Backend.TORCH, delta_solve.sequential),
    Implementation(DeltaSolveProblem, ChunkedAttention(), Backend.TORCH, delta_solve.chunked),
    Implementation(DeltaSolveProblem, QuadraticAttention(), Backend.TORCH, delta_solve.quadratic),
    Implementation(DeltaSolveProblem, FusedChunkedAttention(), Backend.NATIVE, native_attention.solve),
    Implementation(DeltaSolveProblem, TiledAttention(), Backend.TRITON, triton_attention.solve),
    Implementation(SpectralFilterProblem, FFTSpectralFilter(), Backend.TORCH, spectral_filter.fft),
    Implementation(
        SpectralFilterProblem, FusedSpectralFilter(), Backend.NATIVE, native_spectral_filter.solve
    ),
    Implementation(LowFrequenciesProblem, CutTransform(), Backend.TORCH, low_frequencies.fft),
    Implementation(LowFrequenciesProblem, FusedCutTransform(), Backend.NATIVE, native_low_frequencies.solve),
    Implementation(LowFrequenciesProblem, WaveProducts(), Backend.TORCH, low_frequencies.wave_products),
    Implementation(TransformProblem, FastTransform(), Backend.TORCH, transform.fft),
    Implementation(TransformProblem, FusedTransform(), Backend.NATIVE, native_transform.solve),
    Implementation(TransformProblem, DFTMatrix(), Backend.TORCH, transform.dft_matrix),
)
