"""How many points a long convolution is transformed with, and how they are cut into tiles."""

from dataclasses import dataclass
from typing import final

from circulant.algorithms.tiled_monarch import tile_factors, tile_points, tiles_of
from circulant.problems.long_conv import LongConvProblem


@final
@dataclass(frozen=True, slots=True)
class Layout:
    """`outer` tiles of rows x columns complex points; twice as many real samples do not wrap."""

    outer: int
    rows: int
    columns: int

    @property
    def inner(self) -> int:
        """Points of a tile."""
        return self.rows * self.columns

    @property
    def points(self) -> int:
        return self.outer * self.inner

    @property
    def warps(self) -> int:
        """8 to 16 points to a thread."""
        return min(max(self.inner // 256, 1), 8)


def tile_of_points(points: int, outer: int = 1) -> Layout:
    """Tiles of that many points, a power of two."""
    return Layout(outer, *tile_factors(points))


def layout_of(problem: LongConvProblem) -> Layout:
    return tile_of_points(tile_points(problem), tiles_of(problem))
