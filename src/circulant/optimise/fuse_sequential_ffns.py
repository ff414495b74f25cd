"""Feed-forward networks that run one after the other, made to run side by side as one wide network.

y = x + F_1(N_1 x), z = y + F_2(N_2 y), ... becomes x + sum_i F_i(N_i x), which one wide network computes
exactly. The two differ as far as a block needs what those before it add: the drift of the network's output
is measured on an example, and a fusion that moves it too far is taken back. `explain.ffn_dependency_matrix`
tells which blocks depend little on each other.

After Bercovich et al. (2025), FFN Fusion: Rethinking Sequential Computation in Large Language Models,
https://arxiv.org/abs/2503.18908; there, as here at first, the last network of a run is left as it is, since
fusing it costs more accuracy. No threshold was found in what could be read of the paper.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.core.evaluation import in_evaluation
from circulant.core.hooks import has_hooks
from circulant.models.residual import Residual
from circulant.optimise.fused_ffn import ffn_kind, fused_ffn
from circulant.optimise.replaced import Rewrite, replace_named


@final
@dataclass(frozen=True, slots=True)
class RunVerdict:
    """A run of blocks by name, and how far the output moved with it and the runs fused before it."""

    names: tuple[str, ...]
    drift: float  # |fused - sequential| / |sequential| of the network's output, 2-norm
    is_fused: bool

    def __str__(self) -> str:
        what = "fused" if self.is_fused else "kept, drift above the tolerance"
        return f"{self.names[0]} to {self.names[-1]}: {what}, drift {self.drift:.2g}"


@final
@dataclass(frozen=True, slots=True)
class FfnFusion:
    """The network, changed in place. Print it to read what was fused."""

    module: nn.Module
    verdicts: tuple[RunVerdict, ...]
    rewrites: tuple[Rewrite, ...]

    @property
    def drift(self) -> float:
        """Of the output, with all runs that were fused."""
        return next((verdict.drift for verdict in reversed(self.verdicts) if verdict.is_fused), 0.0)

    def undo(self) -> nn.Module:
        for rewrite in reversed(self.rewrites):
            rewrite.undo()
        return self.module

    def __str__(self) -> str:
        count = sum(verdict.is_fused for verdict in self.verdicts)
        return "\n".join([f"fused {count} runs", *(f"  {verdict}" for verdict in self.verdicts)])


def ffn_runs(network: nn.Module, *, keeps_last: bool = True) -> tuple[tuple[str, ...], ...]:
    """Names of like feed-forward blocks in a row, two or more, in each nn.Sequential.

    Identities between them count as nothing: what is left where attention was removed. keeps_last leaves
    the last block of each run out. Blocks that stand in several places are left alone.
    """
    stands = Counter(module for _, module in network.named_modules(remove_duplicate=False))
    found = []
    for parent, sequence in network.named_modules():
        if type(sequence) is not nn.Sequential:
            continue
        children = ((name, child) for name, child in sequence._modules.items() if child is not None)
        there = [pair for pair in children if not isinstance(pair[1], nn.Identity)]
        for kind, group in groupby(there, lambda pair: ffn_kind(pair[1]) if stands[pair[1]] == 1 else None):
            names = tuple(f"{parent}.{name}" if parent else name for name, _ in group)
            names = names[:-1] if keeps_last else names
            if kind is not None and len(names) > 1:
                found.append(names)
    return tuple(found)


def fuse_sequential_ffns(
    network: nn.Module,
    example: Tensor,
    *,
    tolerance: float,
    runs: Sequence[Sequence[str]] | None = None,
) -> FfnFusion:
    """Fuse each run whose fusion keeps the drift of network(example) within tolerance; undo restores.

    runs: names in a row, as `ffn_runs` (None: those) or `DependencyMatrix.runs` find them. Weights are
    copied, so that the blocks before are as they were.
    """
    if not tolerance >= 0:
        raise ArgumentError(f"expected a tolerance of 0 or more, got {tolerance}; 0.01 is 1 % of the output")
    wanted = ffn_runs(network) if runs is None else _known_runs(network, runs)
    with in_evaluation(network), torch.no_grad():
        expected = network(example)
        if not isinstance(expected, Tensor):
            raise ArgumentError(f"expected a network that returns one tensor, got {type(expected).__name__}")
    _require_no_hooks(network, wanted)
    verdicts, rewrites = [], []
    for names in wanted:
        rewrite = replace_named(network, dict(_substitutes(network, names)))
        with in_evaluation(network), torch.no_grad():
            drift = float((network(example) - expected).norm() / expected.norm())
        verdicts.append(RunVerdict(names, drift, drift <= tolerance))
        if drift <= tolerance:
            rewrites.append(rewrite)
        else:
            rewrite.undo()
    return FfnFusion(network, tuple(verdicts), tuple(rewrites))


def _require_no_hooks(network: nn.Module, runs: Sequence[Sequence[str]]) -> None:
    """Of the blocks and of what is inside them: the wide network would not call them."""
    for name in (name for run in runs for name in run):
        for part in network.get_submodule(name).modules():
            if has_hooks(part):
                raise ArgumentError(f"expected blocks without hooks, got some in {name!r}; remove them first")


def _known_runs(network: nn.Module, runs: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    found = ffn_runs(network, keeps_last=False)
    pieces = {run[start:stop] for run in found for stop in range(len(run) + 1) for start in range(stop - 1)}
    for run in runs:
        if tuple(run) not in pieces:
            known = "; ".join(", ".join(names) for names in found) or "none"
            raise ArgumentError(
                f"expected a run of two like feed-forward blocks or more in a row, got {', '.join(run)}; "
                f"there are: {known}"
            )
    named = [name for run in runs for name in run]
    if len(set(named)) < len(named):
        raise ArgumentError(f"expected each block in one run, got some twice: {', '.join(named)}")
    return tuple(tuple(run) for run in runs)


def _substitutes(
    network: nn.Module, names: Sequence[str]
) -> Iterator[tuple[str, Callable[[nn.Module], nn.Module]]]:
    """The first block becomes the wide one, the others hand on what they get."""
    layers = [layer for layer in map(network.get_submodule, names) if isinstance(layer, Residual)]
    wide = fused_ffn(layers)
    yield names[0], lambda block: wide
    for name in names[1:]:
        yield name, lambda block: nn.Identity()
