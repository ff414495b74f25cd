"""Long convolution beyond one tile: outer transform, tiles by themselves, outer transform back.

Channels go a few at a time, so that the planes between the passes stay within a fixed workspace.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from circulant.algorithms.tiled_monarch import WORKSPACE
from circulant.backends.triton.gates import OPEN, Gates
from circulant.backends.triton.launch import launch
from circulant.backends.triton.signals import Signal, Window, product_of
from circulant.backends.triton.tile import power_above
from circulant.backends.triton.transform_layout import Layout
from circulant.backends.triton.transform_settings import Settings, settings_of
from circulant.backends.triton.transform_tables import root_tables, tile_tables
from circulant.problems.long_conv import LongConvProblem

BLOCK = 64  # points of a tile beside one another in an outer pass
LARGEST_FACTOR = {torch.float64: 32, torch.float32: 64}
"""Of an outer matrix, by the dtype of sums: 64 x 64 of float32 are 32 registers to a thread of 4 warps,
twice; of float64 they would spill."""


@final
@dataclass(frozen=True, slots=True)
class Pass:
    """One stretch of channels of a problem, and what all its kernels are told."""

    problem: LongConvProblem
    layout: Layout
    settings: Settings
    lead: Tensor
    first: int
    some: int

    @property
    def tables(self) -> Tensor:
        return tile_tables(self.layout, self.settings.dtype, self.lead.device)

    def planes(self, rows: int) -> Tensor:
        shape = (rows, self.layout.outer, 2, self.layout.inner)
        return torch.empty(shape, dtype=self.settings.dtype, device=self.lead.device)

    def split(self, x: Tensor, signal: Signal, batch: int, gate: Tensor | None = None) -> Tensor:
        """Rows of this stretch -> planes (batch some, N0, 2, N')."""
        from circulant.backends.triton.kernels import outer

        planes = self.planes(batch * self.some)
        constants = self._outer_constants()
        grid = self._outer_grid(planes, constants["VALUES"])
        launch(
            outer.split, grid, x, x, planes, *self._roots(), signal.sizes, gate, self.problem.channels,
            self.first, self.some, self.layout.outer, REVERSE=signal.is_reversed,
            FULL=signal.extent > self.layout.points, **constants,
        )  # fmt: skip
        return planes

    def merge(self, planes: Tensor, y: Tensor, window: Window, x: Tensor, gates: Gates = OPEN) -> None:
        """Planes -> the window of this stretch's rows of y; x is read again for a skip only."""
        from circulant.backends.triton.kernels import outer

        constants = self._outer_constants()
        grid = self._outer_grid(planes, constants["SAMPLES"])
        launch(
            outer.merge, grid, planes, planes, y, *self._roots(), window.sizes, x, *gates.arguments,
            self.problem.channels, self.first, self.some, self.layout.outer, REVERSE=window.is_reversed,
            FULL=window.end > self.layout.points, **constants,
        )  # fmt: skip

    def _roots(self) -> tuple[Tensor, Tensor, Tensor]:
        roots = root_tables(self.layout, self.settings.dtype, self.lead.device)
        return roots.outer, roots.coarse, roots.fine

    def _outer_grid(self, planes: Tensor, factor: int) -> tuple[int, int, int]:
        return planes.shape[0], -(-self.layout.inner // BLOCK), -(-self.layout.outer // factor)

    def _outer_constants(self) -> dict[str, Any]:
        """Factors for the rows of an outer matrix product; both directions take the same."""
        factor = max(min(power_above(self.layout.outer), LARGEST_FACTOR[self.settings.dtype]), 16)
        step = root_tables(self.layout, self.settings.dtype, self.lead.device).step
        known = {name: self.settings.constants[name] for name in ("PRECISION", "ADD", "num_stages")}
        return {
            **known, "INNER": self.layout.inner, "BLOCK": BLOCK, "SAMPLES": factor, "VALUES": factor,
            "STEP": step, "num_warps": 4,
        }  # fmt: skip


def _stretches(problem: LongConvProblem, layout: Layout, lead: Tensor, operands: int) -> Iterator[Pass]:
    """operands: how many have planes of every row at once."""
    settings = settings_of(problem.dtype, layout)
    row = 2 * settings.dtype.itemsize * layout.points
    some = max(WORKSPACE // (row * (operands * problem.batch + 1)), 1)
    for first in range(0, problem.channels, some):
        yield Pass(problem, layout, settings, lead, first, min(some, problem.channels - first))


def convolve(problem: LongConvProblem, layout: Layout, x: Tensor, kernel: Tensor, gates: Gates) -> Tensor:
    from circulant.backends.triton.kernels import outer

    p, product, y = problem, product_of(problem), torch.empty_like(x)
    for stretch in _stretches(p, layout, x, 1):
        constants = dict(stretch.settings.constants)
        del constants["ADD"]
        spectra = stretch.split(kernel, product.second, 1)
        tiles = (stretch.some * layout.outer,)
        launch(outer.spectrum, tiles, x, spectra, stretch.tables, **constants)
        planes = stretch.split(x, product.first, p.batch, gates.before)
        grid = (stretch.some, layout.outer)
        tables = stretch.tables
        launch(outer.convolve, grid, x, planes, spectra, tables, p.batch, stretch.some, **constants)
        stretch.merge(planes, y, product.kept, x, gates)
    return y


def kernel_gradient(problem: LongConvProblem, layout: Layout, x: Tensor, g: Tensor) -> Tensor:
    from circulant.backends.triton.kernels import outer

    p, product = problem, product_of(problem)
    result = x.new_empty(p.channels, p.kernel)
    for stretch in _stretches(p, layout, x, 2):
        forwards = stretch.split(g, product.first, p.batch)
        backwards = stretch.split(x, product.second, p.batch)
        summed = stretch.planes(stretch.some)
        launch(
            outer.correlate, (stretch.some, layout.outer), x, forwards, backwards, summed, stretch.tables,
            p.batch, stretch.some, **stretch.settings.constants,
        )  # fmt: skip
        stretch.merge(summed, result, product.kept, x)
    return result
