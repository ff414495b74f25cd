"""Direct local convolution in blocks whose lines of input and of kernels stay in cache."""

from dataclasses import dataclass
from typing import final

from circulant.algorithms.algorithm import Algorithm, AlgorithmName, Rejected, Work
from circulant.algorithms.axes import axes_of
from circulant.algorithms.direct import direct_work
from circulant.algorithms.fft import compute_itemsize
from circulant.core.sizes import product
from circulant.problems.local_conv import LocalConvProblem
from circulant.problems.trilinear import Slot

COLUMN_STEP = 16  # numbers: a cache line of float32, and the widest vector
WIDEST_BLOCK = 512  # columns
KERNEL_BYTE = 1 << 14  # kernels of one line of results: a third of a 48 KiB level-1 cache
STRIP_BYTE = 1 << 18  # lines of input of one block: a quarter of a 1 MiB level-2 cache


@final
@dataclass(frozen=True, slots=True)
class LocalBlock:
    """Results that are computed together: channels of a group at a time, rows and columns."""

    channels: int
    rows: int
    columns: int


@final
class DirectLocal(Algorithm[LocalConvProblem]):
    name = AlgorithmName.DIRECT

    def rejects(self, problem: LocalConvProblem) -> Rejected | None:
        return None

    def work(self, problem: LocalConvProblem) -> Work:
        plain, block = direct_work(problem), self.block(problem)
        lines = (product(problem.window.kernel) + block.channels) * block.columns
        scalars = block.channels * strip_scalars(problem, block) + lines + 3 * COLUMN_STEP
        thread = float(compute_itemsize(problem.dtype.itemsize) * scalars)
        return Work(plain.flop, plain.byte, 0.0, plain.error_growth, thread)

    def block(self, problem: LocalConvProblem) -> LocalBlock:
        """The workspace of one thread holds one block; a kernel's gradient sums all channels of a group."""
        itemsize = compute_itemsize(problem.dtype.itemsize)
        channels = problem.window.in_channels // problem.groups
        columns, rows = self._columns(problem, itemsize), axes_of(problem.window)[1].size
        if problem.slot is not Slot.INPUT:
            rows = axes_of(problem.window)[1].out_size

        def fits(channels: int, rows: int) -> bool:
            strip = strip_scalars(problem, LocalBlock(channels, rows, columns))
            return itemsize * channels * strip <= STRIP_BYTE

        while problem.slot is not Slot.KERNEL and channels > 1 and not fits(channels, 1):
            channels = -(-channels // 2)
        while rows > 1 and not fits(channels, rows):
            rows = -(-rows // 2)
        return LocalBlock(channels, rows, columns)

    def _columns(self, problem: LocalConvProblem, itemsize: int) -> int:
        axis = axes_of(problem.window)[2]
        results = axis.out_size
        if problem.slot is Slot.INPUT:
            results = (axis.before + axis.size - 1) // axis.stride - axis.before // axis.stride + 1
        fitting = KERNEL_BYTE // (itemsize * product(problem.window.kernel))
        columns = min(results, max(fitting, 2 * COLUMN_STEP), WIDEST_BLOCK)
        return -(-columns // COLUMN_STEP) * COLUMN_STEP


def strip_scalars(problem: LocalConvProblem, block: LocalBlock) -> int:
    """Numbers of one channel's lines that a block sees, an odd number of cache lines."""
    depth, rows, columns = axes_of(problem.window)
    if problem.slot is Slot.INPUT:
        line, lines = 1, (block.rows - 1 + rows.span) // rows.stride + 2
    else:
        line, lines = columns.stride, (block.rows - 1) * rows.stride + rows.span + 1
    scalars = depth.taps * lines * line * (block.columns + columns.reach)
    cache_lines = -(-scalars // COLUMN_STEP)
    return (cache_lines + 1 - cache_lines % 2) * COLUMN_STEP
