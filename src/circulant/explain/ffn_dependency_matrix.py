"""How much what one block adds depends on the blocks before it.

A residual block j adds h_j to the stream. Leave out block i, and it adds h~_ij instead:

    M[i, j] = mean over positions of 1 - cos(h_j, h~_ij)

M is 0 for j <= i: blocks before i, and i itself, see what they saw. Where M is small along a run of blocks,
these can see the same input and run side by side (`optimise.fuse_sequential_ffns`).

After Bercovich et al. (2025), FFN Fusion: Rethinking Sequential Computation in Large Language Models,
https://arxiv.org/abs/2503.18908. There runs are read from a picture of M; the threshold here is the caller's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.evaluation import in_evaluation
from circulant.core.hooks import watching
from circulant.report.fragment import standalone
from circulant.report.matrix_panel import matrix_map


@final
@dataclass(frozen=True, slots=True, eq=False)
class DependencyMatrix:
    """distance (n, n), float64, from 0 to 2: row i is the block left out, column j the one that changes."""

    names: tuple[str, ...]
    distance: Tensor

    def runs(self, largest: float) -> tuple[tuple[str, ...], ...]:
        """Runs of two blocks or more with no distance above `largest` inside, each as long as it can be."""
        found, start = [], 0
        while start < len(self.names):
            stop = start + 1
            while stop < len(self.names) and bool((self.distance[start:stop, stop] <= largest).all()):
                stop += 1
            if stop - start > 1:
                found.append(self.names[start:stop])
            start = stop
        return tuple(found)

    def plot(self) -> str:
        """A stand-alone SVG picture, darker where the distance is larger, on a logarithmic scale."""
        words = ("block left out", "block that changes", "cosine distance")
        return standalone(matrix_map(self.distance.numpy(), self.names, words, "Dependency of blocks"))


def ffn_dependency_matrix(
    network: nn.Module, names: Sequence[str], x: Tensor, *, channel_axis: int = 1
) -> DependencyMatrix:
    """Of the named residual blocks, in the order in which they run on x, in evaluation mode.

    channel_axis: of the tensors between blocks, 1 for (B, C, *spatial), -1 for (B, L, C).
    """
    modules = dict(network.named_modules())
    if len(set(names)) < 2 or not set(names) <= modules.keys():
        raise ArgumentError(f"expected two names or more of modules in the network, got {', '.join(names)}")
    blocks = [modules[name] for name in names]
    with in_evaluation(network), torch.no_grad():
        whole = _contributions(network, blocks, x, None)
        if list(whole) != blocks:
            met = [name for block in whole for name, each in zip(names, blocks) if each is block]
            raise ArgumentError(f"expected blocks in the order in which they run, {met}, got {list(names)}")
        rows = []
        for removed in blocks:
            part = _contributions(network, blocks, x, removed)
            rows.append([_cosine_distance(whole[block], part[block], channel_axis) for block in blocks])
    return DependencyMatrix(tuple(names), torch.tensor(rows, dtype=torch.float64))


@final
@dataclass(frozen=True, slots=True)
class _Recorder:
    """What blocks add, by block; the removed one hands its input on."""

    removed: nn.Module | None
    added: dict[nn.Module, Tensor] = field(default_factory=dict)

    def __call__(self, name: str, block: nn.Module, inputs: tuple[Any, ...], output: Any) -> Tensor | None:
        came = inputs[0] if inputs else None
        if not isinstance(came, Tensor) or not isinstance(output, Tensor) or came.shape != output.shape:
            kind = type(block).__name__
            raise ShapeError(f"expected blocks of one tensor whose shape they keep, got another from {kind}")
        if block in self.added:
            raise ArgumentError(f"expected blocks that run once, got {type(block).__name__} a second time")
        self.added[block] = (output - came).double()
        return came if block is self.removed else None


def _contributions(
    network: nn.Module, blocks: Sequence[nn.Module], x: Tensor, removed: nn.Module | None
) -> dict[nn.Module, Tensor]:
    recorder = _Recorder(removed)
    with watching({str(place): block for place, block in enumerate(blocks)}, recorder):
        network(x)
    return recorder.added


def _cosine_distance(a: Tensor, b: Tensor, axis: int) -> float:
    """Mean of 1 - cos = |a / |a| - b / |b||^2 / 2, free of cancellation; 1 where one is 0, 0 where both."""
    a_length, b_length = (part.norm(dim=axis, keepdim=True) for part in (a, b))
    a_unit, b_unit = (
        part / torch.where(length > 0, length, 1.0) for part, length in ((a, a_length), (b, b_length))
    )
    one_vanishes = ((a_length > 0) != (b_length > 0)).squeeze(axis).double()
    return float((((a_unit - b_unit).square().sum(axis) + one_vanishes) / 2).mean())
