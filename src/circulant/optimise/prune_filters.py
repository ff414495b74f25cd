"""Filters of convolutions removed by their scores: so many of each layer, or the lowest of all layers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.optimise.channel_units import ChannelUnits, channel_units
from circulant.optimise.filter_scores import Criterion, FilterScores, convolutions, relevance_scores
from circulant.optimise.remove_channels import remove_channels
from circulant.optimise.replaced import Rewrite

STEP, MOST = 0.05, 0.9


def prune_filters(
    network: nn.Module, example_input: Tensor, scores: FilterScores, rates: float | Mapping[str, float]
) -> Rewrite:
    """Remove the share `rates` of the filters of each layer that can lose some, those of lowest score.

    rates: one for all, or by layer; layers without one keep all. Where layers meet in a sum their scores are
    added. Each layer keeps a filter or more.
    """
    if isinstance(rates, Mapping) and (unknown := sorted(rates.keys() - scores.keys())):
        raise ArgumentError(f"expected rates of layers that have scores, got some of {', '.join(unknown)}")
    units = channel_units(network, example_input)
    total = units.total(scores)
    kept = torch.ones(units.count, dtype=torch.bool)
    met: set[tuple[int, ...]] = set()
    for name in scores:
        members = units.made[name].unique()
        rate = rates if isinstance(rates, int | float) else rates.get(name, 0.0)
        if not 0 <= rate < 1:
            raise ArgumentError(f"expected a rate from 0 to below 1, got {rate} for {name!r}")
        key = tuple(members.tolist())
        if units.fixed[members].any() or key in met or rate == 0:
            continue
        met.add(key)
        gone = min(round(rate * len(members)), len(members) - 1)
        kept[members[total[members].argsort(stable=True)[:gone]]] = False
    return remove_channels(network, units, kept)


@final
@dataclass(frozen=True, slots=True)
class PruningStep:
    """Filters left after it, as a share of those that could go, and the rewrite."""

    left: float
    rewrite: Rewrite


@final
@dataclass(frozen=True, slots=True)
class IterativePruning:
    """The network, changed in place, step by step."""

    module: nn.Module
    steps: tuple[PruningStep, ...]

    def undo(self) -> nn.Module:
        for step in reversed(self.steps):
            step.rewrite.undo()
        return self.module


def relevance_pruning(
    network: nn.Module,
    x: Tensor,
    classes: Tensor,
    *,
    criterion: Criterion = relevance_scores,
    step: float = STEP,
    most: float = MOST,
    after: Callable[[nn.Module], None] | None = None,
) -> IterativePruning:
    """Remove the lowest 5% of the filters of all layers, score what is left anew, and so on up to 90%.

    x (B, C, *spatial), classes (B,): examples for reference. after(network): called after each step, to
    train on or to measure. The last filter of a layer stays.
    """
    if not 0 < step <= most < 1:
        raise ArgumentError(f"expected 0 < step <= most < 1, got step = {step} and most = {most}")
    units = channel_units(network, x[:1])
    count = int(_removable(units, network).sum())
    if count == 0:
        raise ArgumentError(
            "expected filters that can be removed, got a network without any; see channel_units"
        )
    steps: list[PruningStep] = []
    removed = 0
    while removed < round(most * count):
        wanted = min(max(1, round(step * count)), round(most * count) - removed)
        units = channel_units(network, x[:1])
        total = units.total(criterion(network, x, classes))
        kept = lowest_removed(units, total, wanted, _removable(units, network))
        if kept.all():
            break
        removed += int((~kept).sum())
        steps.append(PruningStep(1 - removed / count, remove_channels(network, units, kept)))
        if after is not None:
            after(network)
    return IterativePruning(network, tuple(steps))


def lowest_removed(units: ChannelUnits, total: Tensor, wanted: int, removable: Tensor) -> Tensor:
    """Truth values (units,), false for the `wanted` lowest that may go without emptying a layer."""
    kept = torch.ones(units.count, dtype=torch.bool)
    makers: list[list[str]] = [[] for _ in range(units.count)]
    left = {name: len(members.unique()) for name, members in units.made.items()}
    for name, members in units.made.items():
        for unit in members.unique().tolist():
            makers[unit].append(name)
    for unit in total.argsort(stable=True).tolist():
        if wanted == 0:
            break
        if removable[unit] and all(left[name] > 1 for name in makers[unit]):
            kept[unit] = False
            wanted -= 1
            for name in makers[unit]:
                left[name] -= 1
    return kept


def _removable(units: ChannelUnits, network: nn.Module) -> Tensor:
    """Units (units,) that convolutions make and that may go."""
    made = torch.zeros_like(units.fixed)
    for name in convolutions(network).keys() & units.made.keys():
        made[units.made[name]] = True
    return made & ~units.fixed
