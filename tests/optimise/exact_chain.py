"""Exact passes one after another, held against the model as it came."""

from copy import deepcopy

import torch
from torch import nn

from circulant.core.tolerances import relative_error
from circulant.optimise.example import Example, hostile
from circulant.optimise.observe import difference, observe
from circulant.optimise.passes import PASSES
from circulant.optimise.rewrite_pass import Changed
from circulant.optimise.verify_rewrite import ROUNDINGS, TOLERANCES

ITSELF = "the example"
EXACT = [each for each in PASSES if each.is_exact]


def assert_kept(
    model: nn.Module, example: Example, dtype: torch.dtype, magnified: frozenset[str] = frozenset()
) -> list[str]:
    """Names of the passes that changed something. magnified: cases that rounding alone moves further.

    For the example's own values that holds in float32 only, up to what the pipeline allows.
    """
    model, example = deepcopy(model).to(dtype), example.to(dtype)
    state, wanted, after, names = deepcopy(model.state_dict()), observe(model, example), model, []
    assert wanted.results and all(y.isfinite().all() for y in wanted.results.values())

    def allowed_in(case: str) -> float:
        if ITSELF not in magnified or dtype is not torch.float32:
            return TOLERANCES[dtype]
        return max(TOLERANCES[dtype], ROUNDINGS * rounding_error(model, example, case))

    allowed = allowed_in(ITSELF)
    for each in EXACT:
        found = each.applied(after, example)
        if not isinstance(found, Changed):
            assert found.reason
            continue
        after = found.model
        names.append(each.name)
        met = difference(wanted, observe(after, example))
        assert not met.fault, each.name
        assert met.error <= allowed, each.name
    for case in hostile(example):
        met = difference(observe(model, case.example), observe(after, case.example))
        assert not met.fault, case.name
        most = allowed_in(case.name) if case.is_usual else TOLERANCES[dtype]
        assert met.error <= most or case.name in magnified - {ITSELF}, case.name
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    assert difference(wanted, observe(model, example)).error == 0
    return names


def rounding_error(model: nn.Module, example: Example, name: str) -> float:
    """Of the model before any pass: how far float32 is from float64 on one of the hostile inputs."""
    case = next(case for case in hostile(example) if case.name == name)
    single = observe(model, case.example).results
    double = observe(deepcopy(model).double(), case.example.to(torch.float64)).results
    return max(relative_error(single[key], double[key]) for key in double)
