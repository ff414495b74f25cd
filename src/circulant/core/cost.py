"""Predicted work, and the time it takes on a machine."""

from dataclasses import dataclass
from math import log2


@dataclass(frozen=True, slots=True)
class Cost:
    """Work of one forward call.

    flop counts convolutions, matrix products (2 per multiply-add) and transforms (`rfft_flop`);
    elementwise arithmetic is left out, as in torch.utils.flop_counter. byte is the traffic of
    operands and results, each moved once.
    """

    flop: float = 0.0
    byte: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.flop + other.flop, self.byte + other.byte)

    def __mul__(self, times: float) -> "Cost":
        return Cost(self.flop * times, self.byte * times)


ZERO_COST = Cost()


def rfft_flop(n: int) -> float:
    """Arithmetic of one real transform of length n: half of a complex one."""
    return 2.5 * n * log2(n) if n > 1 else 0.0


def matmul_cost(rows: int, inner: int, columns: int, element_byte: int = 4) -> Cost:
    """One product (rows, inner) @ (inner, columns)."""
    moved = rows * inner + inner * columns + rows * columns
    return Cost(2.0 * rows * inner * columns, float(element_byte * moved))
