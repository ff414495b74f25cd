"""Overlap-save: a long input against a short kernel, transformed in blocks that fit the cache."""

from math import inf, log2
from typing import final

from circulant.algorithms.algorithm import Algorithm, AlgorithmName, Rejected, Work
from circulant.algorithms.fft import compute_itemsize, growth
from circulant.algorithms.tree_transform import buffer_byte, roots_byte
from circulant.core.cost import rfft_flop
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.trilinear import Slot

# Memory held at once, in units of the spectra of operands and result: blocks are laid out first.
HELD, PRODUCT_HELD = 1.7, 1.85
LONGEST_BLOCK = 1 << 17  # a float32 block and its spectrum still fit a 1 MiB level-2 cache


def block_length(span: int, effective_kernel: int) -> int:
    """Power of two with the least arithmetic per new sample, for an input of `span` samples."""
    best, best_flop = 0, inf
    n = 1 << max(effective_kernel - 1, 1).bit_length()
    while n <= max(LONGEST_BLOCK, 4 * effective_kernel):  # so that half of some block is always fresh
        fresh = n - effective_kernel + 1
        flop = rfft_flop(n) * -(-span // fresh)
        if flop < best_flop:
            best, best_flop = n, flop
        n *= 2
    return best


CACHED_BLOCKS = tuple(1 << power for power in range(9, 17))  # up to two buffers of 256 KiB in float32
PASS = 8.0  # what reading and writing a sample costs, in steps of a transform


def cached_block(kernel: int) -> int:
    """Samples of a transform that stays in a level-2 cache: the cheapest for each new sample."""
    fitting = [n for n in CACHED_BLOCKS if n >= 2 * kernel]
    return min(fitting, key=lambda n: n * (log2(n) + PASS) / (n - kernel), default=0)


@final
class OverlapSave(Algorithm[ConvolutionProblem]):
    name = AlgorithmName.OVERLAP_SAVE

    def rejects(self, problem: ConvolutionProblem) -> Rejected | None:
        if problem.ndim != 1:
            return Rejected(f"blocks 1 spatial axis, the problem has {problem.ndim}")
        return None

    def work(self, problem: ConvolutionProblem) -> Work:
        p, kernel = problem, problem.effective_kernel[0]
        n = block_length(p.padded_spatial[0], kernel)
        blocks = -(-p.padded_spatial[0] // (n - kernel + 1))
        rows = p.batch * blocks * (p.in_channels + p.out_channels)
        kernels = p.out_channels * p.in_channels // p.groups
        products = 4.0 * n * p.batch * blocks * p.out_channels * p.in_channels / p.groups
        spectra = compute_itemsize(p.dtype.itemsize) * n * (rows + kernels)
        flop = rfft_flop(n) * (rows + kernels) + products
        held = HELD * spectra
        if p.slot is Slot.KERNEL:  # the products of every block, before they are summed
            held = PRODUCT_HELD * spectra + compute_itemsize(p.dtype.itemsize) * n * kernels * blocks
        return Work(flop, p.io_byte + 3 * spectra, held, growth(n))


@final
class OverlapSaveLongConv(Algorithm[LongConvProblem]):
    name = AlgorithmName.OVERLAP_SAVE

    def rejects(self, problem: LongConvProblem) -> Rejected | None:
        return None

    def work(self, problem: LongConvProblem) -> Work:
        return OverlapSave().work(problem.as_convolution())


@final
class FusedOverlapSaveLongConv(Algorithm[LongConvProblem]):
    """One block after another in cache, any boundary; the workspace grows with the taps alone."""

    name = AlgorithmName.OVERLAP_SAVE

    def rejects(self, problem: LongConvProblem) -> Rejected | None:
        block = cached_block(problem.kernel)
        if block == 0:
            return Rejected(f"blocks of up to {CACHED_BLOCKS[-1]} samples, twice the taps, are not enough")
        if problem.length <= block:
            return Rejected(f"one block of {block} samples holds the row")
        return None

    def work(self, problem: LongConvProblem) -> Work:
        p, n = problem, cached_block(problem.kernel)
        rows = p.batch * p.channels * -(-p.length // (n - p.kernel + 1))
        flop = rfft_flop(n) * (2 * rows + p.channels) + 3.0 * n * rows
        itemsize = compute_itemsize(p.dtype.itemsize)
        buffers = 3 if p.slot is Slot.KERNEL else 2
        return Work(flop, p.io_byte, roots_byte(n, itemsize), growth(n), buffers * buffer_byte(n, itemsize))
