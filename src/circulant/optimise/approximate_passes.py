"""Rewrites that change the function, as passes: tried only where the user names them."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from circulant.core.evaluation import in_evaluation
from circulant.optimise.beta_rank import beta_rank
from circulant.optimise.decompose_conv import decompose_conv
from circulant.optimise.example import Example
from circulant.optimise.filter_scores import FilterScores, magnitude_scores, relevance_scores
from circulant.optimise.fuse_sequential_ffns import fuse_sequential_ffns
from circulant.optimise.prune_channels_lasso import prune_channels_lasso
from circulant.optimise.prune_filters import prune_filters
from circulant.optimise.quantise import quantise
from circulant.optimise.recorded_calls import recorded_calls
from circulant.optimise.rewrite_pass import Changed, Refused
from circulant.optimise.shallow_parallel import parallelise_residual_stack

RANK = 1
SHARE = 0.25  # of filters or channels that are removed
DRIFT = 0.1  # of the result, as a share, that fused feed-forwards may cause


def low_rank(model: nn.Module, example: Example) -> Changed | Refused:
    rewrite = decompose_conv(model, RANK)
    if not rewrite.replaced:
        return Refused(f"no convolution gets smaller with kernels of rank {RANK}")
    return Changed(rewrite.module, f"{len(rewrite.replaced)} convolutions as one-way filters of rank {RANK}")


def prune_by_magnitude(model: nn.Module, example: Example) -> Changed | Refused:
    none = torch.empty(0)
    return _pruned(model, example, lambda: magnitude_scores(model, none, none))


def prune_by_beta_rank(model: nn.Module, example: Example) -> Changed | Refused:
    return _pruned(model, example, lambda: beta_rank(model, example.seen).scores)


def prune_by_relevance(model: nn.Module, example: Example) -> Changed | Refused:
    """Relevance for the classes that the model itself names."""
    seen = example.seen
    with in_evaluation(model), torch.no_grad():
        classes = model(seen).argmax(1)
    return _pruned(model, example, lambda: relevance_scores(model, seen, classes))


def _pruned(model: nn.Module, example: Example, scores: Callable[[], FilterScores]) -> Changed | Refused:
    rewrite = prune_filters(model, example.alone, scores(), SHARE)
    if not rewrite.replaced:
        return Refused("no filter can be removed")
    return Changed(
        rewrite.module, f"removed a quarter of the filters, which changed {len(rewrite.replaced)} layers"
    )


def prune_by_lasso(model: nn.Module, example: Example) -> Changed | Refused:
    found = prune_channels_lasso(model, example.seen, 1 - SHARE)
    if not found.layers:
        return Refused("no layer can choose among its channels")
    worst = max(layer.error for layer in found.layers)
    return Changed(
        found.module, f"{len(found.layers)} layers read fewer channels, relative error up to {worst:.2g}"
    )


def to_int8(model: nn.Module, example: Example) -> Changed | Refused:
    found = quantise(model, example.seen.split(32))
    return Changed(found.module, f"{len(found.prepared.replaced)} layers in integers of 8 bits")


def shallow_parallel(model: nn.Module, example: Example) -> Changed | Refused:
    """Stacks: an nn.Sequential of layers of one class, not of torch, that keep the shape."""
    names = _stacks(model, example)
    if not names:
        return Refused("no nn.Sequential of residual layers that keep the shape")
    return Changed(parallelise_residual_stack(model, names).module, f"laid side by side: {', '.join(names)}")


def fuse_feed_forwards(model: nn.Module, example: Example) -> Changed | Refused:
    found = fuse_sequential_ffns(model, example.alone, tolerance=DRIFT)
    runs = [verdict for verdict in found.verdicts if verdict.is_fused]
    if not runs:
        return Refused(f"no run of feed-forward blocks whose fusion moves the result by {DRIFT:.0%} or less")
    return Changed(found.module, f"fused {len(runs)} runs of feed-forward blocks")


def _stacks(model: nn.Module, example: Example) -> list[str]:
    stacks = {
        name: part
        for name, part in model.named_modules()
        if type(part) is nn.Sequential and len(part) > 1 and len({type(layer) for layer in part}) == 1
    }
    own = {name: part for name, part in stacks.items() if not type(part[0]).__module__.startswith("torch.nn")}
    layers = {f"{name}.{index}": layer for name, part in own.items() for index, layer in enumerate(part)}
    with in_evaluation(model), torch.no_grad(), recorded_calls(layers) as calls:
        example.run(model)
    return [
        name
        for name, part in own.items()
        if all(_keeps_shape(calls.get(f"{name}.{index}")) for index in range(len(part)))
    ]


def _keeps_shape(call: Any) -> bool:
    return call is not None and isinstance(call.y, torch.Tensor) and call.x.shape == call.y.shape
