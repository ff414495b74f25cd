"""Everything that a model makes of one input: results and, where it is trained, gradients and buffers."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.tolerances import relative_error
from circulant.optimise.example import Example
from circulant.optimise.results import tensors_in

Tensors = dict[str, Tensor]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """by_parameter: of parameters that the result depends on."""

    results: Tensors
    buffers: Tensors
    by_input: Tensors
    by_parameter: Tensors


@final
@dataclass(frozen=True, slots=True)
class Difference:
    """error: the largest relative one; fault: what makes two observations different in kind."""

    error: float
    fault: str = ""


def observe(model: nn.Module, example: Example) -> Observation:
    """In the mode that the model is in, with the same random numbers each time."""
    with _seeded(), torch.no_grad():
        return Observation(_kept(tensors_in(example.run(model))), {}, {}, {})


def observe_training(model: nn.Module, example: Example) -> Observation:
    """Of a copy, so that running statistics of the model stay."""
    twin = deepcopy(model)
    leaves: list[Tensor] = []

    def leaf(x: Tensor) -> Tensor:
        if not x.is_floating_point():
            return x
        leaves.append(x.detach().requires_grad_())
        return leaves[-1]

    with _seeded(), torch.enable_grad():
        results = tensors_in(example.mapped(leaf).run(twin))
        loss_of(results).backward()
    return Observation(
        _kept(results),
        _kept(dict(twin.named_buffers())),
        {f"the gradient of input {index}": x.grad for index, x in enumerate(leaves) if x.grad is not None},
        {f"the gradient of {name}": p.grad for name, p in twin.named_parameters() if p.grad is not None},
    )


def in_double(seen: Observation) -> Observation:
    """The same values in float64."""
    kinds = (seen.results, seen.buffers, seen.by_input, seen.by_parameter)
    return Observation(
        *({name: x.double() if x.is_floating_point() else x for name, x in kind.items()} for kind in kinds)
    )


def loss_of(results: Tensors) -> Tensor:
    """A sum with weights that favour no part: any error in a gradient shows."""
    generator = torch.Generator().manual_seed(1)
    sums = [
        (y * torch.randn(y.shape, generator=generator, dtype=torch.float64).to(y)).sum()
        for y in results.values()
        if y.requires_grad
    ]
    return torch.stack(sums).sum() if sums else torch.zeros((), requires_grad=True)


def difference(before: Observation, after: Observation) -> Difference:
    """Results and buffers relative to the largest value of each; gradients to the largest of all."""
    found = [
        _compared(before.results, after.results, None),
        _compared(before.by_input, after.by_input, _scale(before.by_input)),
        _compared(before.by_parameter, after.by_parameter, _scale(before.by_parameter)),
        _compared(
            {name: x for name, x in before.buffers.items() if name in after.buffers}, after.buffers, None
        ),
    ]
    faults = [each.fault for each in found if each.fault]
    return Difference(max(each.error for each in found), faults[0] if faults else "")


def _compared(before: Tensors, after: Tensors, scale: float | None) -> Difference:
    if missing := sorted(before.keys() - after.keys()):
        return Difference(0.0, f"{missing[0]} is gone")
    largest = 0.0
    for name, wanted in before.items():
        got = after[name]
        if got.shape != wanted.shape or got.dtype != wanted.dtype:
            return Difference(
                0.0,
                f"{name} is {tuple(got.shape)} in {got.dtype}, not {tuple(wanted.shape)} in {wanted.dtype}",
            )
        if not torch.equal(got.isfinite(), wanted.isfinite()):
            return Difference(0.0, f"{name} is infinite or no number elsewhere than before")
        largest = max(largest, _error(_finite(got), _finite(wanted), scale))
    return Difference(largest)


def _error(got: Tensor, wanted: Tensor, scale: float | None) -> float:
    if scale is None or wanted.numel() == 0:
        return relative_error(got, wanted)
    distance = (got.double() - wanted.double()).abs().max().item()
    return distance / scale if scale > 0 else distance


def _scale(tensors: Tensors) -> float:
    return max((_finite(x).abs().max().item() for x in tensors.values() if x.numel()), default=0.0)


def _finite(x: Tensor) -> Tensor:
    real = torch.view_as_real(x) if x.is_complex() else x
    return real.nan_to_num(0.0, 0.0, 0.0) if real.is_floating_point() else real


def _kept(tensors: Tensors) -> Tensors:
    return {name: x.detach().clone() for name, x in tensors.items()}


@contextmanager
def _seeded() -> Iterator[None]:
    """The caller's generators stay as they are."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield
