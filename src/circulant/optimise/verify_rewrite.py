"""Whether a rewritten model is what it was: on hostile inputs, in two precisions, with gradients."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from math import nan
from typing import final

import torch
from torch import nn

from circulant.core.tried import Failure, tried
from circulant.optimise.example import FEW, Case, Example, hostile
from circulant.optimise.observe import Observation, difference, in_double, observe, observe_training
from circulant.optimise.remove_dead import DROPOUTS
from circulant.optimise.rewrite_pass import Changed, Pass

TOLERANCES = {torch.float32: 1e-5, torch.float64: 1e-12}  # of an exact pass
ROUNDINGS = 4  # times what the model itself loses in float32: both lose it, each at its own worst place
MEANINGLESS = 1e-4  # lost by the model itself in float32, as where norms divide rounding errors by their size


@final
@dataclass(frozen=True, slots=True)
class Check:
    """error: the largest relative one, nan where nothing could be run. fault: empty where all is well."""

    error: float = nan
    fault: str = ""


def check_rewrite(
    each: Pass, model: nn.Module, changed: nn.Module, example: Example, dtype: torch.dtype, is_trained: bool
) -> Check:
    """The pass applied to the model in a precision, against the model in that precision.

    Where the pass finds nothing to do in that precision, what it has changed is cast. Inputs that the model
    itself refuses do not count; a model that cannot run in float64 is compared in float32 alone. A model
    that itself loses more in float32 than an exact pass may differ by is allowed more; where it loses so much
    on values other than the example's that they mean nothing, float64 alone decides. The error of an
    approximate pass is that on values of the example; elsewhere it has to run.
    """
    before, given = deepcopy(model).to(dtype), example.to(dtype)
    found_again = each.applied(before, given)
    after = found_again.model if isinstance(found_again, Changed) else deepcopy(changed).to(dtype)
    errors = []
    for view, watch in _views(before, after, is_trained):
        for case in hostile(given, _takes_few(before, given, watch)):
            # a batch norm in training divides a constant's rounding errors by their own size
            is_void = before.training and case.is_constant
            found = None if is_void else _compared(each, before, after, case, watch, dtype)
            if found is None:
                continue
            if found.fault:
                return Check(found.error, f"{found.fault} ({view}{case.name}, {dtype})")
            if each.is_exact or case.is_usual:
                errors.append(found.error)
    if not errors and dtype is torch.float32:
        return Check(fault="cannot be compared: the model runs on none of the inputs in float32")
    return Check(max(errors)) if errors else Check()


Watch = Callable[[nn.Module, Example], Observation]


def _views(before: nn.Module, after: nn.Module, is_trained: bool) -> Iterator[tuple[str, Watch]]:
    """Ways to look at both; the mode is set for each."""
    modes = ((False, ""), (True, "training, ")) if is_trained else ((False, ""),)
    if _rates(before) == _rates(after):
        _stop_dropout(before)
        _stop_dropout(after)
    for mode, name in modes:
        before.train(mode)
        after.train(mode)
        yield name, observe_training if is_trained else observe


def _takes_few(model: nn.Module, example: Example, watch: Watch) -> bool:
    """Whether the example has many rows and the model runs on a few of them too."""
    return example.batch > FEW and not isinstance(tried(lambda: watch(model, example.rows(FEW))), Failure)


def _compared(
    each: Pass, before: nn.Module, after: nn.Module, case: Case, watch: Watch, dtype: torch.dtype
) -> Check | None:
    """None where the case does not count."""
    found = _difference(before, after, case.example, watch)
    if found is None or found.fault or not each.is_exact or found.error <= TOLERANCES[dtype]:
        return found
    lost = _lost(before, case.example, watch)
    if dtype is torch.float32 and lost > MEANINGLESS and not case.is_usual:
        return None
    return Check(found.error, _excess(found.error, lost, dtype))


def _difference(before: nn.Module, after: nn.Module, example: Example, watch: Watch) -> Check | None:
    wanted = tried(lambda: watch(before, example))
    if isinstance(wanted, Failure):
        return None
    got = tried(lambda: watch(after, example))
    if isinstance(got, Failure):
        return Check(fault=f"fails where the model did not: {got.reason}")
    found = difference(wanted, got)
    return Check(found.error, found.fault)


def _excess(error: float, lost: float, dtype: torch.dtype) -> str:
    """Why an exact pass may not differ so much; empty where it may: a model that loses more allows more."""
    units = torch.finfo(dtype).eps / torch.finfo(torch.float32).eps
    allowed = max(TOLERANCES[dtype], ROUNDINGS * units * lost)
    return "" if error <= allowed else f"differs by {error:.2g}, {allowed:.2g} is allowed"


def _lost(model: nn.Module, example: Example, watch: Watch) -> float:
    """By which the model in float32 differs from itself in float64; 0 where it does not run in both."""
    single, double = (
        tried(lambda dtype=dtype: watch(deepcopy(model).to(dtype), example.to(dtype)))  # type: ignore[misc]
        for dtype in (torch.float32, torch.float64)
    )
    if isinstance(single, Failure) or isinstance(double, Failure):
        return 0.0
    lost = difference(double, in_double(single))
    return 0.0 if lost.fault else lost.error


def _rates(model: nn.Module) -> list[float]:
    """Of each dropout, in order."""
    return [part.p for part in model.modules() if isinstance(part, DROPOUTS)]


def _stop_dropout(model: nn.Module) -> None:
    """Which numbers are dropped depends on the memory layout; that they are dropped has been compared."""
    for part in model.modules():
        if isinstance(part, DROPOUTS):
            part.p = 0.0
