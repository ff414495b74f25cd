"""Convolution by FFT: transform, multiply, transform back; exact up to rounding for any size."""

from math import log2
from typing import final

from circulant.algorithms.algorithm import Algorithm, AlgorithmName, Rejected, Work
from circulant.algorithms.tree_transform import buffer_byte, roots_byte, whole_vectors
from circulant.core.cost import rfft_flop
from circulant.core.sizes import Shape, product, smooth_length
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.trilinear import Slot

# Memory held at once by torch.fft, in units of the spectra of operands and result: a transform of
# several axes copies its operand, and a sum over images or channels lays both factors out anew.
HELD, PRODUCT_HELD = 1.6, 2.25
ROW_HELD, ROW_PRODUCT_HELD = 1.0, 1.75  # along one axis, channel by channel


def convolution_lengths(problem: ConvolutionProblem) -> Shape:
    """Transform lengths: a window that fits the padded input never wraps, so that is room enough."""
    return tuple(smooth_length(size) for size in problem.padded_spatial)


def long_conv_length(problem: LongConvProblem) -> int:
    room = problem.transform_room
    return room if problem.circular else smooth_length(room)


def transform_flop(lengths: Shape) -> float:
    """One real n-D transform: real along the last axis, complex along the others."""
    total = product(lengths)
    return sum(rfft_flop(n) * total / n for n in lengths)


def growth(samples: int) -> float:
    """Rounding errors of a transform grow with the logarithm of its length."""
    return 2 + 0.5 * log2(max(samples, 2))


def compute_itemsize(itemsize: int) -> int:
    """Half precision is transformed in float32."""
    return max(itemsize, 4)


@final
class FFTConvolution(Algorithm[ConvolutionProblem]):
    name = AlgorithmName.FFT

    def rejects(self, problem: ConvolutionProblem) -> Rejected | None:
        return None

    def work(self, problem: ConvolutionProblem) -> Work:
        p, lengths = problem, convolution_lengths(problem)
        samples = product(lengths)
        rows = p.batch * (p.in_channels + p.out_channels)
        kernels = p.out_channels * p.in_channels // p.groups
        products = 4.0 * samples * p.batch * p.out_channels * p.in_channels / p.groups
        spectra = compute_itemsize(p.dtype.itemsize) * samples * (rows + kernels)
        flop = transform_flop(lengths) * (rows + kernels) + products
        held = PRODUCT_HELD if p.slot is Slot.KERNEL else HELD
        return Work(flop, p.io_byte + 3 * spectra, held * spectra, growth(samples))


BESIDES = 5e3  # FLOP in whose time a row is brought into its buffer and out of it


@final
class FusedFFTDepthwise(Algorithm[ConvolutionProblem]):
    """One volume after another in cache, each as one long row with zeros between its lines."""

    name = AlgorithmName.FFT

    def rejects(self, problem: ConvolutionProblem) -> Rejected | None:
        p = problem
        if p.groups != p.in_channels or p.out_channels != p.in_channels:
            return Rejected("needs a group for each channel, and as many channels out as in")
        return None

    def work(self, problem: ConvolutionProblem) -> Work:
        p, n = problem, smooth_length(self.samples(problem))
        rows = (2 * p.batch + 1) * p.in_channels
        flop = (rfft_flop(n) + BESIDES) * rows + 3.0 * n * p.batch * p.in_channels
        samples, itemsize = self.samples(p), compute_itemsize(p.dtype.itemsize)
        buffers = 3 if p.slot is Slot.KERNEL else 2
        thread = buffers * buffer_byte(samples, itemsize) + 3.0 * itemsize * samples
        return Work(flop, p.io_byte, roots_byte(samples, itemsize), growth(n), thread)

    def samples(self, problem: ConvolutionProblem) -> int:
        """Of the long row: between two lines lie zeros for the larger of the borders only."""
        p, total = problem, 1
        for size, out, span, step, pads in zip(
            p.spatial, p.output_spatial, p.effective_kernel, p.stride, p.padding, strict=True
        ):
            reach = (out - 1) * step
            after = max(0, reach + span - pads[0] - size)
            total *= max(size + max(pads[0], after), span, reach + 1)
        return total


@final
class FFTLongConv(Algorithm[LongConvProblem]):
    name = AlgorithmName.FFT

    def rejects(self, problem: LongConvProblem) -> Rejected | None:
        return None

    def work(self, problem: LongConvProblem) -> Work:
        p, n = problem, long_conv_length(problem)
        rows = 2 * p.batch * p.channels + p.channels
        spectra = compute_itemsize(p.dtype.itemsize) * n * rows
        flop = rfft_flop(n) * rows + 3.0 * n * p.batch * p.channels
        held = ROW_PRODUCT_HELD if p.slot is Slot.KERNEL else ROW_HELD
        return Work(flop, p.io_byte + 3 * spectra, held * spectra, growth(n))


@final
class FusedFFTLongConv(Algorithm[LongConvProblem]):
    """The same, one row after another in cache: the workspace does not grow with batch and channels."""

    name = AlgorithmName.FFT

    def rejects(self, problem: LongConvProblem) -> Rejected | None:
        return None

    def work(self, problem: LongConvProblem) -> Work:
        p, n = problem, self.length(problem)
        rows = 2 * p.batch * p.channels + p.channels
        flop = rfft_flop(n) * rows + 3.0 * n * p.batch * p.channels
        samples, itemsize = self.samples(p), compute_itemsize(p.dtype.itemsize)
        buffers = 3 if p.slot is Slot.KERNEL else 2
        thread = buffers * buffer_byte(samples, itemsize)
        return Work(flop, p.io_byte, roots_byte(samples, itemsize), growth(n), thread)

    def length(self, problem: LongConvProblem) -> int:
        """A circular row is laid out long enough for every tap, so that any length is smooth."""
        wrapped = problem.kernel - 1 if problem.circular else 0
        return smooth_length(problem.transform_room + wrapped)

    def samples(self, problem: LongConvProblem) -> int:
        """That the core's transform holds: outputs start at a whole vector."""
        p = problem
        wrapped = p.kernel - 1 if p.circular else 0
        window = whole_vectors(p.kernel - 1 if p.circular else p.shift, compute_itemsize(p.dtype.itemsize))
        return max(p.transform_room + wrapped, p.length + window)
