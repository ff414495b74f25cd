"""Problems of every kind, drawn small and awkward, or within a budget of positions and arithmetic.

Only whole numbers are drawn, and sizes are chosen so that they fit, so that failures shrink well.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import final

import torch
from hypothesis import assume
from hypothesis import strategies as st

from circulant.algorithms.algorithm import AlgorithmName
from circulant.algorithms.fft import FusedFFTDepthwise
from circulant.algorithms.overlap_save import FusedOverlapSaveLongConv
from circulant.backends.table import Backend, Implementation
from circulant.core.sizes import Shape, product
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

SLOTS = st.sampled_from(list(Slot))
DEPTHWISE, MULTIPLIED = (1, 1), (1, 2)  # channels of a group, in and out
VECTORS = (4, 8, 16, 32, 64, 128, 256)
PRIMES = (2, 3, 5, 7, 11, 13, 19, 23, 29, 37, 61, 97, 127, 251)
HOSTILE = sorted({1, *PRIMES, *(n + step for n in VECTORS for step in (-1, 0, 1))})


@final
@dataclass(frozen=True, slots=True)
class Scale:
    """What is drawn, and the largest sizes of it."""

    dtypes: tuple[torch.dtype, ...]
    batch: int
    channels: int
    groups: tuple[tuple[int, int], ...]  # channels of a group, in and out
    length: int
    sides: Shape  # of 1, 2 and 3 spatial axes
    kernels: Shape  # the same
    stride: int
    padding: int
    states: int
    places: int  # of graphs
    sampled_axes: int
    positions: int  # of input or output, batch and channels counted
    products: int

    @property
    def dtype(self) -> st.SearchStrategy[torch.dtype]:
        return st.sampled_from(self.dtypes)


# References that visit one value at a time are quick enough for these.
SMALL = Scale(
    dtypes=(torch.float64, torch.float64, torch.float32), batch=2, channels=3,
    groups=((1, 1), (1, 1), (2, 1), (1, 2), (2, 3)), length=40, sides=(7, 5, 3), kernels=(3, 3, 3),
    stride=3, padding=3, states=4, places=40, sampled_axes=2, positions=400, products=20_000,
)  # fmt: skip

# Large enough for several threads, whole vectors and more than one block.
LARGE = Scale(
    dtypes=(torch.float64, torch.float32, torch.float16, torch.bfloat16), batch=5, channels=40,
    groups=((1, 1), (1, 1), (1, 2), (3, 1), (2, 3), (8, 8), (7, 17), (40, 5)), length=300,
    sides=(300, 33, 13), kernels=(40, 9, 4), stride=4, padding=8, states=20, places=300, sampled_axes=3,
    positions=40_000, products=6_000_000,
)  # fmt: skip


@lru_cache(maxsize=4096)
def sizes(most: int, least: int = 1) -> st.SearchStrategy[int]:
    """1, primes, whole vectors and their neighbours as often as any other size, or as a large one."""
    known = [size for size in HOSTILE if least <= size <= most]
    anything, large = st.integers(least, most), st.integers(max(least, most // 2), most)
    return st.one_of(anything, st.sampled_from(known), large) if known else anything


def within(draw, budget: int, limits: Sequence[int]) -> list[int]:
    """A size for each limit, with a product within the budget; any one of them may take most of it."""
    drawn = [1] * len(limits)
    first = draw(st.integers(0, len(limits) - 1))
    for step in range(len(limits)):
        place = (first + step) % len(limits)
        drawn[place] = draw(sizes(max(1, min(limits[place], budget // product(drawn)))))
    return drawn


@final
@dataclass(frozen=True, slots=True)
class Axis:
    kernel: int
    stride: int
    padding: tuple[int, int]
    dilation: int


def drawn_axis(draw, size: int, longest: int, scale: Scale) -> Axis:
    """A kernel that fits between the zeros around so many samples."""
    padding = draw(st.integers(0, scale.padding)), draw(st.integers(0, scale.padding))
    dilation = draw(st.integers(1, 2))
    fitting = (size + sum(padding) - 1) // dilation + 1
    kernel = draw(sizes(min(longest, fitting)))
    return Axis(kernel, draw(st.integers(1, scale.stride)), padding, dilation)


@st.composite
def convolution_problems(draw, scale=SMALL, groups=None, ndims=3, longest=None):
    """groups: the channels of a group, in and out, to draw from; longest: taps along 1, 2 and 3 axes."""
    ndim = draw(st.integers(1, ndims))
    ins, outs = draw(st.sampled_from(groups or scale.groups))
    side = scale.sides[ndim - 1]
    limits = (max(1, scale.channels // max(ins, outs)), scale.batch, *[side] * ndim)
    budget = max(1, scale.positions // max(ins, outs))
    count, batch, *spatial = within(draw, budget, limits)
    taps, axes = max(1, scale.products // (ins * outs * count * batch * product(spatial))), []
    for size in spatial:
        axes.append(drawn_axis(draw, size, min((longest or scale.kernels)[ndim - 1], taps), scale))
        taps = max(1, taps // axes[-1].kernel)
    return ConvolutionProblem(
        draw(scale.dtype), draw(SLOTS), batch, count * ins, count * outs, tuple(spatial),
        tuple(axis.kernel for axis in axes), tuple(axis.stride for axis in axes),
        tuple(axis.padding for axis in axes), tuple(axis.dilation for axis in axes), count,
    )  # fmt: skip


@st.composite
def plain_3x3_problems(draw, scale=SMALL):
    slot = draw(st.sampled_from([Slot.OUTPUT, Slot.INPUT]))
    most, side, ones = 3 if slot is Slot.OUTPUT else 2, max(scale.sides[1], 20), (1, 1)
    padding = tuple((draw(st.integers(0, most)), draw(st.integers(0, most))) for _ in range(2))
    channels = scale.channels * 2 // 3
    limits = (scale.batch, channels, channels, side, side)
    batch, ins, outs, *spatial = within(draw, scale.products // 9, limits)
    spatial = tuple(max(size, 3 - sum(pair)) for size, pair in zip(spatial, padding))
    return ConvolutionProblem(
        draw(scale.dtype), slot, batch, ins, outs, spatial, (3, 3), ones, padding, ones, 1
    )


@st.composite
def long_conv_problems(draw, scale=SMALL, lengths=None, longest=None):
    """lengths: shortest and longest input; longest: taps at most."""
    least, most = lengths or (1, scale.length)
    longest, circular = longest or 2 * most, draw(st.booleans())
    length = draw(sizes(most, least))
    shift = 0 if circular else draw(st.integers(0, min(length, longest) - 1))
    kernel = draw(sizes(min(length + shift, longest), shift + 1))
    batch, channels = within(draw, max(1, scale.positions // length), (scale.batch, scale.channels))
    return LongConvProblem(draw(scale.dtype), draw(SLOTS), batch, channels, length, kernel, shift, circular)


@st.composite
def frequency_sparse_problems(draw, scale=SMALL):
    most = scale.length * 3 // 5
    length, kernel = draw(sizes(most)), draw(sizes(most))
    n = draw(sizes(2 * most, max(length, kernel, 2)))
    keep = draw(st.integers(1, n // 2 + 1))
    batch, channels = within(draw, max(1, scale.positions // length), (scale.batch, scale.channels))
    return FrequencySparseConvProblem(
        draw(scale.dtype), draw(SLOTS), batch, channels, length, kernel, n, keep
    )


def sharing(draw, window: ConvolutionProblem) -> int:
    """A number of groups in which channels can share kernels."""
    divisors = [n for n in range(1, window.in_channels + 1) if window.in_channels % n == 0]
    return draw(st.sampled_from(divisors))


@st.composite
def local_conv_problems(draw, scale=SMALL):
    window = draw(convolution_problems(scale, [DEPTHWISE]))
    return LocalConvProblem(window.dtype, window.slot, sharing(draw, window), window)


@st.composite
def sampled_conv_problems(draw, scale=SMALL):
    shorter = replace(scale, products=scale.products // 20)  # a tap takes a product for each corner
    window = draw(convolution_problems(shorter, [DEPTHWISE], scale.sampled_axes)).for_slot(Slot.OUTPUT)
    result = draw(st.sampled_from(SampledResult))
    return SampledConvProblem(window.dtype, sharing(draw, window), window, result)


@st.composite
def gathered_conv_problems(draw, scale=SMALL):
    ins, outs = draw(st.sampled_from(scale.groups))
    budget, count = scale.products // (ins * outs), max(1, scale.channels // max(ins, outs))
    limits = (count, scale.batch, scale.places, scale.kernels[0])
    groups, batch, outputs, taps = within(draw, budget, limits)
    places = draw(sizes(scale.places))
    return GatheredConvProblem(
        draw(scale.dtype), draw(SLOTS), batch, groups * ins, groups * outs, places, outputs, taps, groups
    )


@st.composite
def pooling_problems(draw, scale=SMALL):
    window = draw(convolution_problems(scale, [DEPTHWISE], 2))
    fewest = [max(0, -(-(k - n) // 2)) for k, n in zip(window.kernel, window.spatial)]
    padding = tuple(draw(st.integers(least, k // 2)) for least, k in zip(fewest, window.kernel))
    return PoolingProblem(
        window.dtype, draw(st.sampled_from(PoolMode)), window.batch, window.in_channels, window.spatial,
        window.kernel, window.stride, padding,
    )  # fmt: skip


@st.composite
def conv_first_block_problems(draw, scale=SMALL):
    side = max(scale.sides[1], 9)
    ins = draw(st.sampled_from([1, 2, max(1, scale.channels // 3), scale.channels]))
    limits = (max(1, scale.channels // ins), scale.batch, side, side)
    groups, batch, *spatial = within(draw, max(1, scale.positions // ins), limits)
    kernel, expanded = draw(st.sampled_from([1, 3, 5])), draw(sizes(max(scale.channels, 9)))
    activation = draw(st.sampled_from(BlockActivation))
    return ConvFirstBlockProblem(
        draw(scale.dtype), activation, batch, groups * ins, tuple(spatial), kernel, groups, expanded
    )


def transformed_axes(draw, scale):
    """Sizes of one to three axes; the reference has a matrix over all of them."""
    ndim = draw(st.integers(1, 3))
    return tuple(
        within(draw, min(1200, scale.positions), (max(40, scale.sides[0]), 40, 12)[ndim - 1 : ndim] * ndim)
    )


@st.composite
def transform_problems(draw, scale=SMALL):
    kind, sizes = draw(st.sampled_from(list(TransformKind))), transformed_axes(draw, scale)
    rows = draw(st.integers(1, max(3, scale.positions // product(sizes))))
    return TransformProblem(draw(scale.dtype), kind, rows, sizes, draw(st.booleans()))


@st.composite
def low_frequencies_problems(draw, scale=SMALL):
    sizes = [max(2, size) for size in transformed_axes(draw, scale)]
    modes = (*(draw(st.integers(1, n // 2)) for n in sizes[:-1]), draw(st.integers(1, sizes[-1] // 2 + 1)))
    kind = draw(st.sampled_from([kind for kind in TransformKind if "rfft" in kind.value]))
    rows = draw(st.integers(1, max(3, scale.positions // product(sizes))))
    return LowFrequenciesProblem(draw(scale.dtype), kind, rows, tuple(sizes), modes)


@st.composite
def spectral_filter_problems(draw, scale=SMALL):
    sizes = transformed_axes(draw, scale)
    batch, channels = within(draw, max(3, scale.positions // product(sizes)), (scale.batch, scale.channels))
    slot = draw(st.sampled_from(Slot))
    return SpectralFilterProblem(draw(scale.dtype), slot, batch, channels, sizes, draw(st.booleans()))


@st.composite
def inverse_conv_problems(draw, scale=SMALL):
    ndim = draw(st.integers(1, 3))
    side = max(scale.sides[ndim - 1], 12 - 3 * ndim)
    batch, *spatial = within(draw, scale.positions // 8, (4 * scale.batch, *[side] * ndim))
    kernel = tuple(draw(st.integers(1, min(3, longest))) for longest in [scale.kernels[ndim - 1]] * ndim)
    most = max(1, scale.products // (batch * product(spatial) * product(kernel)))
    affordable = [n for n in (1, 2, 3, 6, 9, 16) if n <= 2 * scale.channels and n * n <= most]
    channels, adjoint = draw(st.sampled_from(affordable)), draw(st.booleans())
    problem = InverseConvProblem(draw(scale.dtype), batch, channels, tuple(spatial), kernel, adjoint)
    assume(problem.flop > 0)  # else nothing is left to solve
    return problem


@st.composite
def recurrence_problems(draw, scale=SMALL):
    limits = (scale.batch, 2 * scale.channels, 2 * scale.length)
    batch, channels, length = within(draw, scale.products // 8, limits)
    adjoint = draw(st.booleans())
    starts = not adjoint and draw(st.booleans())
    return RecurrenceProblem(
        draw(scale.dtype), batch, channels, length, draw(st.booleans()), draw(st.booleans()), starts, adjoint
    )


@st.composite
def selective_scan_problems(draw, scale=SMALL):
    groups, per_group = draw(st.sampled_from([(1, 1), (1, 5), (2, 3), (3, 1), (2, scale.channels // 2)]))
    budget = scale.products // (30 * groups * per_group)
    batch, state, length = within(draw, budget, (scale.batch, scale.states, scale.length))
    return SelectiveScanProblem(
        draw(scale.dtype), batch, groups * per_group, groups, state, length, draw(st.booleans())
    )


@st.composite
def linear_attention_problems(draw, scale=SMALL):
    limits = (scale.batch, scale.channels, scale.length, 2 * scale.states, 2 * scale.states)
    sizes = within(draw, scale.products // 8, limits)
    decay, reverse = draw(st.sampled_from(Decay)), draw(st.booleans())
    starts = not reverse and draw(st.booleans())
    return LinearAttentionProblem(draw(scale.dtype), *sizes, decay, starts, draw(st.booleans()), reverse)


@st.composite
def delta_solve_problems(draw, scale=SMALL):
    p = draw(linear_attention_problems(scale))
    decay = Decay.KEY if p.decay is Decay.VALUE else p.decay
    return DeltaSolveProblem(
        p.dtype, p.batch, p.heads, p.length, p.keys, p.values, decay, p.has_initial, p.reverse
    )


STRATEGIES = {
    ConvFirstBlockProblem: conv_first_block_problems,
    ConvolutionProblem: convolution_problems,
    LongConvProblem: long_conv_problems,
    FrequencySparseConvProblem: frequency_sparse_problems,
    LocalConvProblem: local_conv_problems,
    PoolingProblem: pooling_problems,
    SampledConvProblem: sampled_conv_problems,
    GatheredConvProblem: gathered_conv_problems,
    TransformProblem: transform_problems,
    SpectralFilterProblem: spectral_filter_problems,
    LowFrequenciesProblem: low_frequencies_problems,
    InverseConvProblem: inverse_conv_problems,
    RecurrenceProblem: recurrence_problems,
    SelectiveScanProblem: selective_scan_problems,
    LinearAttentionProblem: linear_attention_problems,
    DeltaSolveProblem: delta_solve_problems,
}

FORWARD_IN_PLANES = (AlgorithmName.SLIDING_WINDOW, AlgorithmName.IM2WIN)


def problems_for(row: Implementation, scale: Scale = SMALL) -> st.SearchStrategy:
    """Problems that the implementation is likely to accept."""
    if row.problem is ConvolutionProblem and row.algorithm.name in FORWARD_IN_PLANES:
        return convolution_problems(scale, ndims=2).map(lambda p: p.for_slot(Slot.OUTPUT))
    if row.algorithm.name is AlgorithmName.WINOGRAD:
        return plain_3x3_problems(scale)
    if isinstance(row.algorithm, FusedFFTDepthwise):
        return convolution_problems(scale, [DEPTHWISE], longest=scale.sides)
    if row.problem is ConvolutionProblem and row.backend is Backend.NATIVE:
        return convolution_problems(scale, [DEPTHWISE, DEPTHWISE, MULTIPLIED])
    if isinstance(row.algorithm, FusedOverlapSaveLongConv):
        return long_conv_problems(scale, (513, 1500), 40)
    return STRATEGIES[row.problem](scale)
