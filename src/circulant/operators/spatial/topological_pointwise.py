r"""Topological subdivisioning: channels lie on a grid, and each output mixes the input channels near its own.

    y[b, c, p] = b[c] + sum_m weight[c, m] x[b, near(c, m), p]

The C channels, in order, are the cells of `grid`, a tensor of one to three axes; near(c, m) runs over the
`neighbourhood` of cell c, so many cells along each axis, (n - 1) // 2 of them before it. It is a dense 1x1
convolution with most weights zero (`to_conv`), at H W C prod(neighbourhood) multiply-adds; a neighbourhood
as large as the grid makes it the whole. Shapes: x (B, C, *spatial) -> y (B, C, *spatial); weight
(C, prod(neighbourhood)).

The abstract leaves the edges of the grid open. Here they meet (Boundary.CIRCULAR), so that all outputs
have as many inputs; with Boundary.ZEROS there is nothing beyond them.
"""

from itertools import product as index_product
from math import prod, sqrt
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape, same_padding
from circulant.engine.convolution import Boundary
from circulant.engine.costs import convolution_problem, problem_cost
from circulant.engine.local_conv import local_conv
from circulant.operators.spatial.channel_grid import neighbours
from circulant.problems.local_conv import LocalConvProblem
from circulant.problems.trilinear import Slot

BOUNDARIES = (Boundary.CIRCULAR, Boundary.ZEROS)
NEAR = 3  # cells along each axis of a mixer's neighbourhood


def reference(
    x: Tensor, state: dict[str, Tensor], grid: tuple[int, ...], near: tuple[int, ...], circular: bool = True
) -> Tensor:
    weight, bias = state["weight"], state["bias"]
    cells = list(index_product(*map(range, grid)))
    outputs = []
    for c, cell in enumerate(cells):
        y = bias[c] + 0 * x[:, 0]
        for m, step in enumerate(index_product(*map(range, near))):
            other = [at + s - (n - 1) // 2 for at, s, n in zip(cell, step, near)]
            if circular or all(0 <= at < size for at, size in zip(other, grid)):
                y = y + weight[c, m] * x[:, cells.index(tuple(at % size for at, size in zip(other, grid)))]
        outputs.append(y)
    return torch.stack(outputs, 1)


@final
class TopologicalPointwise(Operator):
    ndims = (1, 2, 3)

    def __init__(
        self,
        channels: int,
        grid: Shape,
        neighbourhood: Shape,
        *,
        bias: bool = True,
        boundary: Boundary = Boundary.CIRCULAR,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if not 1 <= len(grid) <= 3 or len(grid) != len(neighbourhood) or prod(grid) != channels:
            raise ArgumentError(
                f"expected a grid of one to three axes with {channels} cells and a neighbourhood of as many "
                f"axes, got {grid} and {neighbourhood}"
            )
        if any(not 1 <= n <= size for n, size in zip(neighbourhood, grid)) or boundary not in BOUNDARIES:
            raise ArgumentError(
                f"expected a neighbourhood within the grid {grid}, circular or with zeros around, "
                f"got {neighbourhood}, {boundary.value}"
            )
        self.channels, self.grid, self.near, self.boundary = channels, grid, neighbourhood, boundary
        self.weight = nn.Parameter(torch.empty(channels, prod(neighbourhood), device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(channels, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """As torch.nn.Conv2d: uniform within 1 / sqrt(inputs of an output)."""
        bound = 1 / sqrt(self.weight.shape[1])
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def neighbours(self) -> Tensor:
        """The input channel of each weight (C, prod(neighbourhood)), -1 beyond an edge of zeros."""
        return neighbours(self.grid, self.near, circular=self.boundary is Boundary.CIRCULAR)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        ones, sides = (1,) * len(self.grid), tuple(same_padding(n, 1) for n in self.near)
        # positions of all examples take the place of channels, which share the kernels of the cells
        cells = x.flatten(2).transpose(1, 2).flatten(0, 1).unflatten(1, self.grid)[None]
        if self.boundary is Boundary.CIRCULAR:
            widths = [side for pair in reversed(sides) for side in pair]
            cells, sides = nn.functional.pad(cells, widths, mode="circular"), ((0, 0),) * len(sides)
        weight = self.weight.T.reshape(1, 1, -1, *self.grid)
        mixed = local_conv(cells, weight, self.near, stride=ones, padding=sides, dilation=ones)
        y = mixed.reshape(x.shape[0], prod(x.shape[2:]), self.channels).transpose(1, 2)
        y = y.contiguous() if self.bias is None else y + self.bias[:, None]
        return y.reshape(x.shape)

    def dense_weight(self) -> Tensor:
        """Of the 1x1 convolution that is the same (C, C)."""
        index = self.neighbours().to(self.weight.device)
        dense = self.weight.new_zeros(self.channels, self.channels + 1)  # the last column: beyond
        return dense.scatter_add(1, index % (self.channels + 1), self.weight)[:, :-1]

    @torch.no_grad()
    def to_conv(self) -> nn.Conv2d:
        """torch's own layer for pictures, with all the zeros."""
        C, like = self.channels, self.weight
        conv = nn.Conv2d(C, C, 1, bias=self.bias is not None, device=like.device, dtype=like.dtype)
        conv.weight.copy_(self.dense_weight()[..., None, None])
        if conv.bias is not None and self.bias is not None:
            conv.bias.copy_(self.bias)
        return conv

    def cost(self, shape: Shape) -> Cost:
        positions = shape[0] * prod(shape[2:])
        sides, sizes = tuple(same_padding(n, 1) for n in self.near), self.grid
        if self.boundary is Boundary.CIRCULAR:
            sizes = tuple(size + sum(pair) for size, pair in zip(self.grid, sides))
            sides = ((0, 0),) * len(sides)
        window = convolution_problem(
            (1, positions, *sizes), (positions, 1, *self.near), padding=sides, groups=positions
        )
        return problem_cost(LocalConvProblem(torch.float32, Slot.OUTPUT, 1, window))

    def extra_repr(self) -> str:
        return (
            f"{self.channels}, grid={self.grid}, neighbourhood={self.near}, boundary={self.boundary.value!r}"
        )


def _mixer(channels: int, spatial: Shape) -> TopologicalPointwise:
    rows = max(n for n in range(1, int(sqrt(channels)) + 1) if channels % n == 0)
    grid = (rows, channels // rows)
    return TopologicalPointwise(channels, grid, tuple(min(NEAR, size) for size in grid))


CARD = Card(
    operators=(TopologicalPointwise,),
    reference=reference,
    papers=(
        Paper(
            "Wang, Liu and Foroosh",
            2016,
            "Design of Efficient Convolutional Layers using Single Intra-channel Convolution, Topological "
            'Subdivisioning and Spatial "Bottleneck" Structure',
            "https://arxiv.org/abs/1608.04337",
        ),
    ),
    laws=frozenset({Law.LINEAR, Law.SHIFT_EQUIVARIANT, Law.PERMUTATION_EQUIVARIANT}),
    cases=(
        Case(
            (2, 6, 4),
            lambda: TopologicalPointwise(6, (6,), (3,), boundary=Boundary.ZEROS),
            {"grid": (6,), "near": (3,), "circular": False},
        ),
        Case(
            (2, 12, 3, 2),
            lambda: TopologicalPointwise(12, (3, 4), (2, 3)),
            {"grid": (3, 4), "near": (2, 3)},
        ),
        Case(
            (1, 8, 2, 1, 2),
            lambda: TopologicalPointwise(8, (2, 2, 2), (1, 2, 2)),
            {"grid": (2, 2, 2), "near": (1, 2, 2)},
        ),
    ),
    refuses=(
        BadInput((2, 4, 8), lambda: TopologicalPointwise(6, (2, 3), (1, 1)), says="C = 6"),
        BadInput((2, 6, 8), lambda: TopologicalPointwise(6, (2, 2), (1, 1)), says="with 6 cells"),
        BadInput((2, 6, 8), lambda: TopologicalPointwise(6, (2, 3), (3, 3)), says="within the grid"),
    ),
    mixer=_mixer,
)
