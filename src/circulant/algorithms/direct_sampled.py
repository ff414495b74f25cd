"""Direct sampled convolution of channels that lie beside each other, a block of a group at a time."""

from typing import final

from circulant.algorithms.algorithm import Algorithm, AlgorithmName, Rejected, Work
from circulant.algorithms.direct import direct_work
from circulant.algorithms.fft import compute_itemsize
from circulant.core.sizes import product
from circulant.problems.sampled_conv import SampledConvProblem, SampledResult

CHANNEL_STEP = 16  # channels of the widest vector
WIDEST_BLOCK = 4 * CHANNEL_STEP  # channels that are summed in registers together
PLANE_BYTE = 1 << 19  # of a block of channels: half of a 1 MiB level-2 cache
FEW_BLOCKS = 8  # fewer blocks than this are cut, so that several threads have work
POSITIONS = 32  # results whose places are worked out together
BORDER = 3  # zeros along each axis: one before, two behind
INDEX_BYTE = 4
LARGEST_PLANE = 2**31 - 1  # pixels


@final
class DirectSampled(Algorithm[SampledConvProblem]):
    name = AlgorithmName.DIRECT

    def rejects(self, problem: SampledConvProblem) -> Rejected | None:
        if pixels(problem) > LARGEST_PLANE:
            return Rejected(f"counts at most {LARGEST_PLANE} pixels, a plane has {pixels(problem)}")
        return None

    def work(self, problem: SampledConvProblem) -> Work:
        plain, window = direct_work(problem), problem.window
        taps, corners = product(window.kernel), 2**window.ndim
        pixel = pixel_channels(self.block(problem))
        shares, planes = POSITIONS * (taps * corners + pixel), 1
        if problem.result is SampledResult.GRADIENTS:
            planes = 2
            shares += POSITIONS * corners * (min(pixel, CHANNEL_STEP) + 1)
        scalars = planes * pixels(problem) * pixel + shares
        thread = compute_itemsize(problem.dtype.itemsize) * scalars + INDEX_BYTE * POSITIONS * taps
        return Work(plain.flop, plain.byte, 0.0, plain.error_growth, float(thread))

    def block(self, problem: SampledConvProblem) -> int:
        """Channels of a group that are sampled together; the gradients sum over all of them."""
        channels = problem.window.in_channels // problem.groups
        if problem.result is SampledResult.GRADIENTS:
            return channels
        itemsize, groups = compute_itemsize(problem.dtype.itemsize), problem.window.batch * problem.groups
        block = min(pixel_channels(channels), WIDEST_BLOCK)
        while block > CHANNEL_STEP and (
            itemsize * pixels(problem) * block > PLANE_BYTE or groups * -(-channels // block) < FEW_BLOCKS
        ):
            block -= CHANNEL_STEP
        return min(block, channels)


def pixels(problem: SampledConvProblem) -> int:
    """Of a plane with its border."""
    return product([size + BORDER for size in problem.window.spatial])


def pixel_channels(channels: int) -> int:
    """Room for the channels of a pixel: a multiple of the widest vector, or a power of two below it."""
    if channels >= CHANNEL_STEP:
        return -(-channels // CHANNEL_STEP) * CHANNEL_STEP
    return 1 << (channels - 1).bit_length()
