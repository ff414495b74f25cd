"""Every slot of a long convolution as a product of two signals of which a window is kept.

A gradient is a convolution too, with one of its operands reversed in time. A circular row is laid out
often enough for every tap to meet it.
"""

from dataclasses import dataclass
from typing import final

from circulant.problems.long_conv import LongConvProblem
from circulant.problems.trilinear import Slot


@final
@dataclass(frozen=True, slots=True)
class Signal:
    """`extent` samples of a row of `length` from `start` on, over and over; reversed: read from its end."""

    extent: int
    start: int
    length: int
    is_reversed: bool = False

    @property
    def sizes(self) -> tuple[int, int, int]:
        return self.extent, self.start, self.length


@final
@dataclass(frozen=True, slots=True)
class Window:
    """The samples of the product that are kept; reversed: the last is the row's first."""

    offset: int
    count: int
    is_reversed: bool = False

    @property
    def sizes(self) -> tuple[int, int]:
        return self.offset, self.count

    @property
    def end(self) -> int:
        return self.offset + self.count


@final
@dataclass(frozen=True, slots=True)
class SignalProduct:
    """In the order of the slot's operands, but for the kernel's gradient: output's gradient, then input."""

    first: Signal
    second: Signal
    kept: Window


def product_of(problem: LongConvProblem) -> SignalProduct:
    L, K = problem.length, problem.kernel
    plain, laid_out = Signal(L, 0, L), L + K - 1
    if problem.slot is Slot.KERNEL:
        if problem.circular:
            return SignalProduct(plain, Signal(laid_out, 0, L, True), Window(L - 1, K))
        return SignalProduct(plain, Signal(L, 0, L, True), Window(L - 1 - problem.shift, K))
    backwards = problem.slot is Slot.INPUT
    first = Signal(laid_out, (1 - K) % L, L, backwards) if problem.circular else Signal(L, 0, L, backwards)
    offset = K - 1 if problem.circular else problem.shift
    return SignalProduct(first, Signal(K, 0, K), Window(offset, L, backwards))
