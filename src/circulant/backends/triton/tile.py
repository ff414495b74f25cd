"""How a matrix of rows and samples is cut into the tiles of programs."""

from dataclasses import dataclass
from typing import final

TILE = 2048  # values: 16 sums and their indices to a thread of 4 warps, below half of its registers


@final
@dataclass(frozen=True, slots=True)
class Tile:
    """Rows and samples of one program, powers of two, and how many programs there are of each."""

    rows: int
    samples: int
    grid: tuple[int, int]


def power_above(n: int) -> int:
    """Smallest power of two that is at least n: blocks of a kernel have no other sizes."""
    return 1 << max(n - 1, 0).bit_length()


def tile_of(rows: int, samples: int, widest: int = TILE // 2) -> Tile:
    """As many samples as there are, up to `widest`; then rows, so that short rows fill a program too."""
    width = min(power_above(samples), widest)
    height = min(power_above(rows), TILE // width)
    return Tile(height, width, (-(-rows // height), -(-samples // width)))
