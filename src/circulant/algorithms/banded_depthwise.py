"""Direct depthwise convolution of a band of rows at a time, whose parts stay in a level-2 cache."""

from dataclasses import dataclass, replace
from math import gcd
from typing import final

from circulant.algorithms.algorithm import Algorithm, AlgorithmName, Rejected, Work
from circulant.algorithms.axes import Axis, axes_of
from circulant.algorithms.direct import direct_work, no_depthwise
from circulant.algorithms.fft import compute_itemsize
from circulant.algorithms.tree_transform import VECTOR_BYTE
from circulant.core.sizes import product
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.trilinear import Slot

BAND_BYTE = 128 << 10
BAND_ROWS = 28  # at least
STAGED_STRIPS, STAGED_VECTORS = 16, 64  # of a plane and of a series that are copied at a time
DIRECT_VECTORS = 2048  # of a series
TAPS_TOGETHER = 7
SUM_BYTE, CHANNELS_TOGETHER = 32 << 10, 16  # of a kernel's gradient


@final
class BandedDepthwise(Algorithm[ConvolutionProblem]):
    """Results in registers, taps blocked; a source that is strided or half precision is copied first.

    The workspace is that of instruction sets that can mask loads (AVX-512); on others planes are
    copied too, which takes up to two bands more.
    """

    name = AlgorithmName.DIRECT

    def rejects(self, problem: ConvolutionProblem) -> Rejected | None:
        return no_depthwise(problem)

    def work(self, problem: ConvolutionProblem) -> Work:
        itemsize = compute_itemsize(problem.dtype.itemsize)
        plain = direct_work(problem)
        flop = plain.flop * _share_of_lanes(problem, VECTOR_BYTE // itemsize)
        return replace(plain, flop=flop, thread_byte=float(itemsize * _thread_scalars(problem)))


def _share_of_lanes(problem: ConvolutionProblem, lanes: int) -> float:
    """Lanes that compute for each that is kept: the last vector of a row hangs over its end."""
    kept = axes_of(problem)[-1].out_size if problem.slot is not Slot.INPUT else axes_of(problem)[-1].size
    return -(-kept // lanes) * lanes / kept


@final
@dataclass(frozen=True, slots=True)
class _Reads:
    """Along one axis: samples, results of one piece, how results step, and how far they see each way."""

    source: int
    results: int
    step: int
    before: int
    behind: int

    @property
    def reach(self) -> int:
        return max(self.before + self.behind, 0)


def _reads(axis: Axis, slot: Slot) -> _Reads:
    if slot is not Slot.INPUT:
        step = 1 if axis.out_size == 1 else axis.stride
        return _Reads(axis.size, axis.out_size, step, axis.before, axis.span - axis.before)
    # the gradient of every stride-th sample is a piece of its own, of neighbouring outputs
    before = max(-(-(axis.span - axis.before) // axis.stride), 0)
    behind = (axis.before + axis.stride - 1) // axis.stride
    return _Reads(axis.out_size, -(-axis.size // axis.stride), 1, before, behind)


@final
@dataclass(frozen=True, slots=True)
class _Band:
    """Numbers of the source that are copied, and of the results that are not written in place."""

    window: int
    block: int


def _thread_scalars(problem: ConvolutionProblem) -> int:
    p, lanes = problem, VECTOR_BYTE // compute_itemsize(problem.dtype.itemsize)
    multiplier, taps, band = p.out_channels // p.in_channels, product(p.kernel), _band(p)
    is_half = compute_itemsize(p.dtype.itemsize) != p.dtype.itemsize
    if p.slot is Slot.KERNEL:
        sums = multiplier * taps * lanes
        fitting = SUM_BYTE // (sums * compute_itemsize(p.dtype.itemsize))
        together = max(1, min(fitting, p.in_channels, CHANNELS_TOGETHER))
        return band.window + (band.block if is_half else 0) + together * sums
    sources = multiplier if p.slot is Slot.INPUT else 1
    return sources * band.window + band.block + (multiplier * taps if is_half else 0)


def _band(problem: ConvolutionProblem) -> _Band:
    p, itemsize = problem, compute_itemsize(problem.dtype.itemsize)
    lanes, is_series = VECTOR_BYTE // itemsize, problem.ndim == 1
    depth, rows, columns = (_reads(axis, p.slot) for axis in axes_of(p))
    strips = -(-columns.results // lanes)
    is_staged = columns.step > 1 or itemsize != p.dtype.itemsize
    widest = min(strips, STAGED_VECTORS if is_series else STAGED_STRIPS)
    phase = (widest + 1) * lanes + columns.reach // columns.step if is_staged else 0
    fitting = BAND_BYTE // (max(columns.source, columns.step * phase) * itemsize) // rows.step
    height = min(max(BAND_ROWS, fitting), rows.results)
    seen = min(rows.source, (height - 1) * rows.step + rows.reach + 1)
    ring = min(depth.source, depth.reach + 1)
    if not is_staged:
        widest = min(strips, DIRECT_VECTORS) if is_series else strips
    block = 0 if _is_in_place(p, lanes) else height * widest * lanes
    return _Band(ring * seen * columns.step * phase, block)


def _is_in_place(problem: ConvolutionProblem, lanes: int) -> bool:
    """Whether each result is one sum of registers, written once where it belongs."""
    p = problem
    depth, rows, columns = axes_of(p)
    if compute_itemsize(p.dtype.itemsize) != p.dtype.itemsize or depth.taps > 1:
        return False
    if p.slot is Slot.INPUT and (columns.stride > 1 or p.out_channels > p.in_channels):
        return False
    if p.ndim > 1:
        stride = 1 if p.slot is Slot.INPUT else rows.stride
        return rows.taps <= TAPS_TOGETHER and stride // gcd(stride, rows.dilation) == 1
    row = lanes * (1 if p.slot is Slot.INPUT else columns.stride)
    return columns.taps <= row // gcd(row, columns.dilation)
