"""Winograd's minimal filtering: 3 x 3 taps and patches of outputs by products of their transforms.

A patch of 4 x 4 outputs takes 36 products for each pair of channels, one of 2 x 2 takes 16, where the
sums as they stand take 144 and 36. The transforms subtract numbers of like size, which costs accuracy:
`work` says how much. What is not finite reaches every output of its patches.

Lavin and Gray, 2015, Fast Algorithms for Convolutional Neural Networks, https://arxiv.org/abs/1509.09308.
"""

from typing import final

from circulant.algorithms.algorithm import Algorithm, AlgorithmName, Rejected, Work
from circulant.algorithms.direct import direct_work
from circulant.algorithms.sliding_window import PIECES, WIDEST_VECTOR, Tile, compute_itemsize
from circulant.core.sizes import product
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.trilinear import Slot

DATA_BYTE = 3 << 18  # transformed samples of a tile: read once for each few output channels, from the cache
ROWS = 6  # output channels multiplied together
PATCHES = (2, 4)
GROWTH = {2: 2.0, 4: 7.0}
"""Errors in units of those of direct sums: what 100 draws of one channel stay below; 512 stay below 1.2."""
TRANSFORM_FLOP = {2: 128, 4: 528}
"""Of a patch of samples: 2 for each entry of the matrices that is not zero. Results take less."""


def as_forward(problem: ConvolutionProblem) -> ConvolutionProblem:
    """The gradient of the input is a convolution of the output's, with the taps in reverse order."""
    p = problem
    if p.slot is Slot.OUTPUT:
        return p
    padding = tuple((2 - before, 2 - after) for before, after in p.padding)
    return ConvolutionProblem(
        p.dtype, Slot.OUTPUT, p.batch, p.out_channels, p.in_channels, p.output_spatial, p.kernel, p.stride,
        padding, p.dilation, 1,
    )  # fmt: skip


@final
class Winograd(Algorithm[ConvolutionProblem]):
    name = AlgorithmName.WINOGRAD

    def rejects(self, problem: ConvolutionProblem) -> Rejected | None:
        p = problem
        if p.kernel != (3, 3) or p.stride != (1, 1) or p.dilation != (1, 1):
            return Rejected("takes 3x3 taps without stride or dilation, this problem has others")
        if p.groups > 1:
            return Rejected(f"takes one group of channels, the problem has {p.groups}")
        if p.slot is Slot.KERNEL:
            return Rejected("solves for the output or the input, this problem is for the kernel")
        if p.slot is Slot.INPUT and max(map(max, p.padding)) > 2:
            return Rejected("solves for the input with a padding of at most 2, this problem has more")
        return None

    def work(self, problem: ConvolutionProblem) -> Work:
        """workspace_byte: transformed filters, copies of reversed taps; thread_byte: what a tile takes."""
        p, plain, tile = as_forward(problem), direct_work(problem), self.tile(problem)
        patch, itemsize = self.patch(p), compute_itemsize(p)
        frequencies, positions = (patch + 2) ** 2, tile.rows * tile.columns + WIDEST_VECTOR
        phase = -(-tile.columns // WIDEST_VECTOR) * WIDEST_VECTOR + 1
        strip = (tile.rows * patch + 2) * patch * phase
        filters = float(frequencies * p.in_channels * p.out_channels * itemsize)
        thread = float(itemsize * (strip + frequencies * (p.in_channels + ROWS) * positions))
        moved = plain.byte + 2 * filters
        turned = 2 * p.dtype.itemsize * product(p.weight_shape) if problem.slot is Slot.INPUT else 0
        growth = GROWTH[patch] * plain.error_growth
        return Work(self.flop(p, tile, patch), moved, filters + turned, growth, thread)

    def flop(self, forward: ConvolutionProblem, tile: Tile, patch: int) -> float:
        """Products of all frequencies and transforms, of whole vectors of patches."""
        p, sizes = forward, zip(forward.output_spatial, (tile.rows, tile.columns))
        tiles = p.batch * product([-(-n // (size * patch)) for n, size in sizes])
        lanes = -(-tile.rows * tile.columns // WIDEST_VECTOR) * WIDEST_VECTOR
        products = 2.0 * (patch + 2) ** 2 * p.in_channels * p.out_channels
        return tiles * lanes * (products + TRANSFORM_FLOP[patch] * (p.in_channels + p.out_channels))

    def patch(self, problem: ConvolutionProblem) -> int:
        """Outputs along each axis of a patch; the smaller, more exact one where the larger saves nothing."""
        spatial = as_forward(problem).output_spatial
        return min(PATCHES, key=lambda patch: (patch + 2) ** 2 * product([-(-n // patch) for n in spatial]))

    def tile(self, problem: ConvolutionProblem) -> Tile:
        """In patches. Whole rows where their data fit; pieces of equal width where they do not."""
        p, patch = as_forward(problem), self.patch(problem)
        rows, columns = (-(-n // patch) for n in p.output_spatial)
        channel_byte = (patch + 2) ** 2 * max(p.in_channels, 1) * compute_itemsize(p)
        fitting = max(DATA_BYTE // channel_byte, WIDEST_VECTOR)
        width = -(-columns // -(-columns // fitting))
        wanted = -(-PIECES // (max(p.batch, 1) * -(-columns // width)))
        return Tile(min(max(fitting // width, 1), -(-rows // wanted)), width)
