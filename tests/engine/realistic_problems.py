"""Problems of ordinary sizes, whose memory is that of their data and not of bookkeeping."""

import torch

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
from circulant.problems.recurrence import RecurrenceProblem
from circulant.problems.sampled_conv import SampledConvProblem, SampledResult
from circulant.problems.selective_scan import SelectiveScanProblem
from circulant.problems.spectral_filter import SpectralFilterProblem
from circulant.problems.transform import TransformKind, TransformProblem
from circulant.problems.trilinear import Slot

SINGLE, DOUBLE, HALF = torch.float32, torch.float64, torch.bfloat16


def convolution(channels, spatial, taps, padding, *, groups=1, stride=1, dilation=1, dtype=SINGLE, batch=4):
    """channels: in and out."""
    each = (1,) * len(spatial)
    return ConvolutionProblem(
        dtype, Slot.OUTPUT, batch, *channels, spatial, tuple(taps for _ in each),
        tuple(stride for _ in each), tuple((padding, padding) for _ in each),
        tuple(dilation for _ in each), groups,
    )  # fmt: skip


def depthwise(channels, spatial, taps, padding, **settings):
    return convolution((channels, channels), spatial, taps, padding, groups=channels, **settings)


def long_conv(batch, channels, length, taps, shift=0, circular=False, dtype=SINGLE):
    return LongConvProblem(dtype, Slot.OUTPUT, batch, channels, length, taps, shift, circular)


def local(groups, window):
    return LocalConvProblem(window.dtype, Slot.OUTPUT, groups, window)


def in_every_slot(*problems):
    return [problem.for_slot(slot) for problem in problems for slot in Slot]


CONVOLUTIONS = in_every_slot(
    convolution((32, 32), (56, 56), 3, 1),
    convolution((64, 64), (28, 28), 1, 0),
    convolution((64, 64), (56, 56), 3, 1, groups=4),
    convolution((16, 16), (16, 16, 16), 3, 1, batch=2),
    convolution((16, 16), (56, 56), 5, 2, dtype=DOUBLE, batch=2),
    convolution((32, 32), (56, 56), 3, 2, dilation=2, dtype=HALF),
    depthwise(32, (56, 56), 7, 3),
    depthwise(32, (4096,), 63, 31),
)

LONG_CONVS = in_every_slot(
    long_conv(4, 32, 4096, 4096),
    long_conv(2, 32, 16384, 128),
    long_conv(4, 32, 3000, 3000, circular=True),
    long_conv(4, 32, 4096, 301, 150),
    long_conv(2, 32, 4096, 512, dtype=DOUBLE),
)

LOCALS = in_every_slot(
    local(4, depthwise(64, (56, 56), 7, 3, batch=2)),
    local(1, depthwise(64, (56, 56), 3, 1, batch=2)),
    local(8, depthwise(64, (4096,), 5, 2, batch=2, dtype=DOUBLE)),
)

SAMPLED = [
    SampledConvProblem(window.dtype, groups, window, result)
    for groups, window in (
        (4, depthwise(32, (28, 28), 3, 1, batch=2)),
        (1, depthwise(32, (2048,), 3, 1, batch=2)),
        (2, depthwise(16, (12, 12, 12), 3, 1, batch=1)),
        (4, depthwise(32, (28, 28), 3, 1, batch=2, dtype=HALF)),
    )
    for result in SampledResult
]

GATHERED = in_every_slot(
    GatheredConvProblem(SINGLE, Slot.OUTPUT, 4, 32, 64, 5000, 5000, 7, 1),
    GatheredConvProblem(SINGLE, Slot.OUTPUT, 4, 64, 64, 5000, 5000, 7, 64),
    GatheredConvProblem(DOUBLE, Slot.OUTPUT, 2, 64, 64, 5000, 1200, 7, 4),
)

SPARSE = in_every_slot(
    FrequencySparseConvProblem(SINGLE, Slot.OUTPUT, 4, 32, 2048, 2048, 4096, 500),
    FrequencySparseConvProblem(DOUBLE, Slot.OUTPUT, 2, 32, 2048, 512, 4096, 2049),
)

BLOCKS = [
    ConvFirstBlockProblem(SINGLE, BlockActivation.SILU, 4, 32, (28, 28), 5, 32, 96),
    ConvFirstBlockProblem(SINGLE, BlockActivation.RELU, 4, 32, (56, 56), 3, 1, 64),
    ConvFirstBlockProblem(SINGLE, BlockActivation.RELU6, 8, 64, (28, 28), 7, 64, 256),
]

POOLINGS = [
    PoolingProblem(SINGLE, mode, 4, 32, *sizes)
    for mode in PoolMode
    for sizes in (((112, 112), (3, 3), (2, 2), (1, 1)), ((8192,), (31,), (1,), (15,)))
]

INVERSES = [
    InverseConvProblem(SINGLE, 4, 8, (16, 16), (3, 3), False),
    InverseConvProblem(SINGLE, 16, 16, (24, 24), (3, 3), True),
    InverseConvProblem(DOUBLE, 16, 16, (200,), (5,), False),
]

RECURRENCES = [
    RecurrenceProblem(SINGLE, 4, 64, 1024, True, False, False, False),
    RecurrenceProblem(SINGLE, 4, 64, 1024, True, False, False, True),
    RecurrenceProblem(SINGLE, 4, 64, 1024, False, True, True, False),
    RecurrenceProblem(SINGLE, 4, 64, 1024, False, True, False, True),
    RecurrenceProblem(DOUBLE, 4, 64, 1024, True, True, False, False),
    RecurrenceProblem(HALF, 4, 64, 1024, True, False, True, False),
]

SCANS = [
    SelectiveScanProblem(dtype, 2, 64, 1, 16, length, gradients)
    for dtype, length in ((SINGLE, 512), (SINGLE, 200), (HALF, 512))
    for gradients in (False, True)
]

ATTENTIONS = [
    *(LinearAttentionProblem(SINGLE, 2, 4, 1000, 32, 48, decay, True) for decay in Decay),
    LinearAttentionProblem(HALF, 2, 4, 300, 32, 32, Decay.STEP, False, True, True),
    *(
        DeltaSolveProblem(SINGLE, 2, 4, 1000, 32, 48, decay, True)
        for decay in Decay
        if decay is not Decay.VALUE
    ),
    DeltaSolveProblem(DOUBLE, 2, 4, 300, 32, 32, Decay.STEP, False, True),
]

TRANSFORMS = [
    TransformProblem(dtype, kind, 64, sizes)
    for kind in TransformKind
    for dtype, sizes in (
        (SINGLE, (2048,)),
        (DOUBLE, (1000,)),
        (SINGLE, (600,)),
        (HALF, (1024,)),
        (SINGLE, (56, 56)),
        (SINGLE, (16, 20, 24)),
    )
]

FILTERS = [
    SpectralFilterProblem(dtype, slot, 2, 32, sizes, shared)
    for slot in Slot
    for dtype, sizes, shared in (
        (SINGLE, (2048,), False),
        (DOUBLE, (1000,), True),
        (HALF, (1024,), False),
        (SINGLE, (56, 56), False),
        (SINGLE, (16, 20, 24), False),
    )
]

LOW_FREQUENCIES = [
    LowFrequenciesProblem(dtype, kind, 64, sizes, modes)
    for kind in (
        TransformKind.RFFT,
        TransformKind.RFFT_ADJOINT,
        TransformKind.IRFFT,
        TransformKind.IRFFT_ADJOINT,
    )
    for dtype, sizes, modes in (
        (SINGLE, (2048,), (16,)),
        (HALF, (600,), (40,)),
        (SINGLE, (64, 64), (12, 12)),
        (DOUBLE, (16, 20, 24), (4, 5, 6)),
    )
]

REALISTIC = [
    *CONVOLUTIONS, *LONG_CONVS, *LOCALS, *SAMPLED, *GATHERED, *SPARSE, *BLOCKS, *POOLINGS, *INVERSES,
    *RECURRENCES, *SCANS, *ATTENTIONS, *TRANSFORMS, *FILTERS, *LOW_FREQUENCIES,
]  # fmt: skip

# What is cut into tiles, or is staged, in ways that small tensors do not show.
CUT = [
    *in_every_slot(
        *(
            problem
            for dtype in (SINGLE, DOUBLE, HALF)
            for problem in (
                depthwise(32, (112, 112), 31, 15, dtype=dtype),
                depthwise(16, (512, 512), 13, 6, dtype=dtype, batch=2),
                depthwise(32, (57, 61), 5, 2, stride=3, dilation=2, dtype=dtype),
                depthwise(64, (65536,), 129, 64, stride=2, dtype=dtype),
                depthwise(8, (16, 16, 4000), 7, 3, dtype=dtype, batch=2),
                long_conv(2, 8, 100000, 3000, 700, dtype=dtype),
                long_conv(2, 8, 100000, 99999, circular=True, dtype=dtype),
                long_conv(4, 4, 300, 4, 3, dtype=dtype),
            )
        )
    ),
    convolution((32, 64), (40, 200), 3, 1, stride=2),
    convolution((4, 4), (300, 300), 5, 0),
    convolution((512, 512), (14, 14), 3, 1, dtype=HALF),
    PoolingProblem(HALF, PoolMode.AVERAGE, 2, 8, (500, 700), (15, 9), (2, 1), (7, 4)),
    ConvFirstBlockProblem(HALF, BlockActivation.SILU, 2, 64, (100, 300), 3, 64, 512),
]
