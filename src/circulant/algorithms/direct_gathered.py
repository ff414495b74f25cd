"""Direct gathered convolution of channels that lie beside each other, a block of them at a time."""

from typing import final

from circulant.algorithms.algorithm import Algorithm, AlgorithmName, Rejected, Work
from circulant.algorithms.direct import direct_work
from circulant.algorithms.direct_sampled import (
    CHANNEL_STEP,
    FEW_BLOCKS,
    PLANE_BYTE,
    WIDEST_BLOCK,
    pixel_channels,
)
from circulant.algorithms.fft import compute_itemsize
from circulant.core.sizes import product
from circulant.problems.gathered_conv import GatheredConvProblem
from circulant.problems.trilinear import Slot

PRODUCT_BLOCK = 2 * CHANNEL_STEP  # result channels of a dense product that are summed in registers together
OUTPUTS = 32  # results whose neighbours are looked up together
INDEX_BYTE = 8


@final
class DirectGathered(Algorithm[GatheredConvProblem]):
    name = AlgorithmName.DIRECT

    def rejects(self, problem: GatheredConvProblem) -> Rejected | None:
        return None

    def work(self, problem: GatheredConvProblem) -> Work:
        plain, index = direct_work(problem), float(INDEX_BYTE * product(problem.index_shape))
        scalars = self._row_scalars(problem) if problem.is_depthwise else self._product_scalars(problem)
        thread = compute_itemsize(problem.dtype.itemsize) * scalars + INDEX_BYTE * OUTPUTS * problem.taps
        return Work(plain.flop, plain.byte + index, 0.0, plain.error_growth, float(thread))

    def block(self, problem: GatheredConvProblem) -> int:
        """Channels of the result, of a group, that are computed together."""
        p = problem
        if not p.is_depthwise:
            channels = p.in_channels if p.slot is Slot.INPUT else p.out_channels
            return min(PRODUCT_BLOCK, channels // p.groups)
        itemsize, images = compute_itemsize(p.dtype.itemsize), 1 if p.slot is Slot.KERNEL else p.batch
        block = min(pixel_channels(p.groups), WIDEST_BLOCK)
        while block > CHANNEL_STEP and (
            itemsize * p.places * block > PLANE_BYTE or images * -(-p.groups // block) < FEW_BLOCKS
        ):
            block -= CHANNEL_STEP
        return min(block, p.groups)

    def _row_scalars(self, problem: GatheredConvProblem) -> int:
        return (problem.places + 1 + problem.taps + OUTPUTS) * pixel_channels(self.block(problem))

    def _product_scalars(self, problem: GatheredConvProblem) -> int:
        p, block, places = problem, self.block(problem), problem.places + 1
        ins, outs = p.in_channels // p.groups, p.out_channels // p.groups
        if p.slot is Slot.OUTPUT:
            return places * pixel_channels(ins) + (p.taps * ins + OUTPUTS) * whole_vectors(block)
        if p.slot is Slot.INPUT:
            return (places + p.taps * outs) * whole_vectors(block) + OUTPUTS * pixel_channels(outs)
        return (places + p.taps * block) * whole_vectors(ins) + OUTPUTS * pixel_channels(block)


def whole_vectors(channels: int) -> int:
    return -(-channels // CHANNEL_STEP) * CHANNEL_STEP
