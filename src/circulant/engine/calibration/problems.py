"""The problems on which a machine is calibrated."""

from dataclasses import replace
from itertools import islice

import torch

from circulant.core.sizes import Shape
from circulant.engine.calibration.draw import drawn_problems
from circulant.problems.conv_first_block import BlockActivation, ConvFirstBlockProblem
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.delta_solve import DeltaSolveProblem
from circulant.problems.frequency_sparse_conv import FrequencySparseConvProblem
from circulant.problems.gathered_conv import GatheredConvProblem
from circulant.problems.inverse_conv import InverseConvProblem
from circulant.problems.linear_attention import Decay, LinearAttentionProblem
from circulant.problems.local_conv import LocalConvProblem
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.low_frequencies import LowFrequenciesProblem
from circulant.problems.pooling import PoolingProblem, PoolMode
from circulant.problems.problem import Problem
from circulant.problems.recurrence import RecurrenceProblem
from circulant.problems.sampled_conv import SampledConvProblem
from circulant.problems.selective_scan import SelectiveScanProblem
from circulant.problems.spectral_filter import SpectralFilterProblem
from circulant.problems.transform import TransformKind, TransformProblem
from circulant.problems.trilinear import Slot

TRANSFORMS: tuple[tuple[int, Shape], ...] = (
    (4096, (56,)),
    (512, (1024,)),
    (256, (4096,)),
    (2048, (196,)),
    (512, (14, 14)),
    (512, (32, 32)),
    (256, (56, 56)),
    (64, (8, 32, 32)),
)
LOW_FREQUENCIES: tuple[tuple[Shape, Shape], ...] = (
    ((1024,), (16,)),
    ((64, 64), (12, 12)),
    ((64, 64), (32, 33)),
    ((16, 32, 32), (4, 4, 4)),
)
DRAWN = 300
LARGEST_GRADIENT = 3e8  # FLOP of a drawn gradient
SEED = 7  # not that of the convolutions on which the planner is judged


def convolution(
    batch: int, channels: int, out: int, spatial: Shape, kernel: Shape, groups: int
) -> ConvolutionProblem:
    ones = (1,) * len(spatial)
    padding = tuple((k // 2, k // 2) for k in kernel)
    return ConvolutionProblem(
        torch.float32, Slot.OUTPUT, batch, channels, out, spatial, kernel, ones, padding, ones, groups
    )


def pooling(mode: PoolMode, spatial: Shape, kernel: int) -> PoolingProblem:
    ndim = len(spatial)
    sides = (kernel // 2,) * ndim
    return PoolingProblem(torch.float32, mode, 8, 64, spatial, (kernel,) * ndim, (1,) * ndim, sides)


def depthwise(batch: int, channels: int, spatial: Shape, width: int) -> ConvolutionProblem:
    return convolution(batch, channels, channels, spatial, (width,) * len(spatial), channels)


LOCAL = depthwise(4, 64, (28, 28), 7)
PROBLEMS: tuple[Problem, ...] = (
    convolution(8, 64, 64, (56, 56), (3, 3), 1),
    convolution(8, 256, 256, (14, 14), (3, 3), 1),
    convolution(8, 64, 128, (1024,), (9,), 1),
    convolution(2, 16, 16, (16, 16, 16), (3, 3, 3), 1),
    convolution(8, 256, 256, (14, 14), (1, 1), 1),
    convolution(8, 3, 64, (112, 112), (7, 7), 1),
    convolution(8, 8, 8, (112, 112), (3, 3), 1),
    convolution(8, 96, 96, (56, 56), (3, 3), 12),
    convolution(8, 8, 8, (65536,), (9,), 1),
    convolution(8, 1, 16, (65536,), (5,), 1),
    depthwise(8, 64, (56, 56), 3),
    depthwise(8, 64, (28, 28), 7),
    depthwise(16, 128, (14, 14), 5),
    depthwise(16, 96, (28, 28), 5),
    depthwise(16, 96, (56, 56), 5),
    depthwise(16, 96, (56, 56), 7),
    depthwise(4, 64, (112, 112), 3),
    depthwise(4, 64, (112, 112), 7),
    depthwise(4, 64, (56, 56), 13),
    *(
        replace(depthwise(*sizes), channels_last=True)
        for sizes in (
            (4, 64, (56, 56), 13),
            (1, 96, (56, 56), 13),
            (8, 160, (28, 28), 13),
            (8, 320, (14, 14), 13),
            (1, 320, (28, 28), 11),
            (8, 128, (28, 28), 11),
        )
    ),
    depthwise(1, 32, (28, 28), 31),
    depthwise(1, 16, (56, 56), 31),
    depthwise(32, 256, (14, 14), 7),
    depthwise(8, 128, (1024,), 5),
    depthwise(8, 256, (1024,), 8),
    depthwise(4, 128, (4096,), 9),
    depthwise(8, 512, (512,), 11),
    depthwise(16, 64, (2048,), 13),
    depthwise(4, 64, (1024,), 65),
    depthwise(2, 16, (12, 12, 12), 5),
    *(
        LongConvProblem(torch.float32, Slot.OUTPUT, *sizes, 0, False)
        for sizes in (
            (8, 96, 64, 64),
            (4, 64, 256, 256),
            (8, 96, 1024, 1024),
            (2, 32, 4096, 64),
            (2, 32, 65536, 1024),
            (2, 16, 65536, 65536),
            (1, 4, 1 << 20, 1 << 20),
            (1, 4, 1 << 20, 4096),
        )
    ),
    LongConvProblem(torch.float32, Slot.OUTPUT, 2, 32, 16384, 16384, 0, False),
    LongConvProblem(torch.float32, Slot.OUTPUT, 2, 64, 16384, 63, 0, False),
    FrequencySparseConvProblem(torch.float32, Slot.OUTPUT, 4, 64, 2048, 2048, 4096, 1024),
    ConvFirstBlockProblem(torch.float32, BlockActivation.SILU, 2, 64, (28, 28), 3, 8, 192),
    LocalConvProblem(torch.float32, Slot.OUTPUT, 4, LOCAL),
    SampledConvProblem(torch.float32, 4, depthwise(2, 64, (28, 28), 3)),
    SampledConvProblem(torch.float32, 4, depthwise(2, 64, (28, 28), 3)).gradients(),
    GatheredConvProblem(torch.float32, Slot.OUTPUT, 4, 64, 64, 784, 784, 7, 1),
    GatheredConvProblem(torch.float32, Slot.OUTPUT, 4, 64, 64, 784, 784, 7, 64),
    SpectralFilterProblem(torch.float32, Slot.OUTPUT, 8, 64, (14, 14), False),
    SpectralFilterProblem(torch.float32, Slot.OUTPUT, 8, 64, (28, 28), False),
    SpectralFilterProblem(torch.float32, Slot.KERNEL, 8, 64, (56, 56), False),
    SpectralFilterProblem(torch.float32, Slot.OUTPUT, 4, 64, (1024,), False),
    *(
        LowFrequenciesProblem(torch.float32, kind, 128, sizes, modes)
        for kind in (TransformKind.RFFT, TransformKind.IRFFT)
        for sizes, modes in (
            ((1024,), (16,)),
            ((64, 64), (12, 12)),
            ((64, 64), (32, 33)),
            ((16, 32, 32), (4, 4, 4)),
        )
    ),
    *(
        TransformProblem(torch.float32, kind, rows, sizes)
        for kind in (TransformKind.RFFT, TransformKind.IRFFT, TransformKind.FFT, TransformKind.COSINE)
        for rows, sizes in TRANSFORMS
    ),
    *(pooling(mode, (56, 56), kernel) for mode in PoolMode for kernel in (3, 13)),
    *(pooling(mode, (4096,), kernel) for mode in PoolMode for kernel in (3, 31)),
    InverseConvProblem(torch.float32, 16, 12, (28, 28), (3, 3), False),
    RecurrenceProblem(torch.float32, 8, 128, 1024, True, False, False, False),
    RecurrenceProblem(torch.float32, 8, 128, 1024, False, True, False, False),
    SelectiveScanProblem(torch.float32, 2, 128, 1, 16, 512, False),
    SelectiveScanProblem(torch.float32, 2, 128, 1, 16, 512, True),
    LinearAttentionProblem(torch.float32, 2, 4, 1024, 64, 64, Decay.HEAD),
    LinearAttentionProblem(torch.float32, 2, 4, 1024, 32, 64, Decay.KEY),
    DeltaSolveProblem(torch.float32, 2, 4, 1024, 64, 64, Decay.NONE),
)

# What is left of a call when there is nothing to compute.
TINY: tuple[Problem, ...] = (
    convolution(1, 1, 1, (8,), (3,), 1),
    convolution(1, 1, 1, (8, 8), (3, 3), 1),
    convolution(1, 2, 2, (4, 4, 4), (3, 3, 3), 1),
    depthwise(1, 2, (8, 8), 3),
    LongConvProblem(torch.float32, Slot.OUTPUT, 1, 1, 8, 8, 0, False),
    LongConvProblem(torch.float32, Slot.OUTPUT, 1, 1, 600, 2, 0, False),
    FrequencySparseConvProblem(torch.float32, Slot.OUTPUT, 1, 1, 8, 8, 16, 4),
    LocalConvProblem(torch.float32, Slot.OUTPUT, 1, depthwise(1, 2, (4, 4), 3)),
    SampledConvProblem(torch.float32, 1, depthwise(1, 2, (4, 4), 3)),
    SampledConvProblem(torch.float32, 1, depthwise(1, 2, (4, 4), 3)).gradients(),
    GatheredConvProblem(torch.float32, Slot.OUTPUT, 1, 2, 2, 8, 8, 3, 1),
    TransformProblem(torch.float32, TransformKind.RFFT, 1, (8,)),
    SpectralFilterProblem(torch.float32, Slot.OUTPUT, 1, 1, (8,), False),
    LowFrequenciesProblem(torch.float32, TransformKind.RFFT, 1, (8,), (2,)),
    *(pooling(mode, (8, 8), 3) for mode in PoolMode),
    InverseConvProblem(torch.float32, 1, 2, (3, 3), (2, 2), False),
    RecurrenceProblem(torch.float32, 1, 2, 4, True, False, False, False),
    SelectiveScanProblem(torch.float32, 1, 2, 1, 2, 4, False),
    LinearAttentionProblem(torch.float32, 1, 1, 4, 2, 2, Decay.HEAD),
    DeltaSolveProblem(torch.float32, 1, 1, 4, 2, 2, Decay.NONE),
    ConvFirstBlockProblem(torch.float32, BlockActivation.SILU, 1, 2, (4, 4), 3, 1, 4),
)


def drawn_convolutions() -> list[ConvolutionProblem]:
    """Each as a contiguous tensor, and those of more than one axis as a channels-last one too.

    Gradients of depthwise ones too: torch's kernels for them are others, and slower by far.
    """
    outputs = list(islice(drawn_problems(SEED), DRAWN))
    differentiated = [p for p in outputs if p.is_depthwise and p.flop <= LARGEST_GRADIENT]
    gradients = (p.for_slot(slot) for p in differentiated for slot in (Slot.INPUT, Slot.KERNEL))
    contiguous = [*outputs, *gradients]
    return [*contiguous, *(replace(p, channels_last=True) for p in contiguous if p.ndim > 1)]
