"""Exact passes on a small instance of every network of circulant.models, in both precisions."""

import pkgutil
from copy import deepcopy
from importlib import import_module
from inspect import getmembers, isabstract, isclass

import pytest
import torch
from tests.optimise.settled import settled
from tests.optimise.small_networks import NETWORKS
from tests.optimise.small_parts import PARTS
from torch import nn

import circulant.models
from circulant.core.tolerances import relative_error
from circulant.optimise.example import Example, hostile
from circulant.optimise.observe import difference, observe
from circulant.optimise.passes import PASSES
from circulant.optimise.rewrite_pass import Changed
from circulant.optimise.verify_rewrite import TOLERANCES

SMALL_MODELS = {**NETWORKS, **PARTS}
EXACT = [each for each in PASSES if each.is_exact]

# Half of tanh of numbers near 1000: the float32 model itself is this far from the float64 one.
MAGNIFIES = {("ChannelAutoregressiveTransformer", "large values")}


@pytest.fixture
def _all_planned(monkeypatch):
    """Models this small would keep torch's convolutions, and the layers in their place stay untried."""
    monkeypatch.setattr("circulant.optimise.replace_with_fft.is_torch_library", lambda _: False)


def drawn(name):
    torch.manual_seed(0)
    small = SMALL_MODELS[name]
    return settled(small.build()), Example(small.draw())


@pytest.mark.usefixtures("_all_planned")
@pytest.mark.parametrize("dtype", TOLERANCES, ids=["float32", "float64"])
@pytest.mark.parametrize("name", SMALL_MODELS)
def test_exact_passes_one_after_another_keep_every_model_or_refuse_with_a_reason(name, dtype):
    model, example = drawn(name)
    model, example = model.to(dtype), example.to(dtype)
    state, wanted, after = deepcopy(model.state_dict()), observe(model, example), model
    assert all(y.isfinite().all() for y in wanted.results.values())
    for each in EXACT:
        found = each.applied(after, example)
        if isinstance(found, Changed):
            after = found.model
            met = difference(wanted, observe(after, example))
            assert not met.fault, each.name
            assert met.error <= TOLERANCES[dtype], each.name
        else:
            assert found.reason
    for case in hostile(example):
        met = difference(observe(model, case.example), observe(after, case.example))
        assert not met.fault, case.name
        assert met.error <= TOLERANCES[dtype] or (name, case.name) in MAGNIFIES, case.name
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    assert difference(wanted, observe(model, example)).error == 0


@pytest.mark.usefixtures("_all_planned")
@pytest.mark.parametrize("each", EXACT, ids=[each.name for each in EXACT])
def test_every_exact_pass_finds_something_in_some_model(each):
    assert any(isinstance(each.applied(*drawn(name)), Changed) for name in SMALL_MODELS)


@pytest.mark.parametrize(("name", "words"), MAGNIFIES)
def test_what_may_differ_more_has_rounding_errors_of_that_size_before_any_pass(name, words):
    model, example = drawn(name)
    case = next(case for case in hostile(example) if case.name == words)
    single = observe(model, case.example).results
    double = observe(model.double(), case.example.to(torch.float64)).results
    assert max(relative_error(single[key], double[key]) for key in double) > TOLERANCES[torch.float32]


def networks():
    """Public classes of circulant.models that can be built."""
    for module in pkgutil.iter_modules(circulant.models.__path__, "circulant.models."):
        for name, kind in getmembers(import_module(module.name), isclass):
            is_own = kind.__module__ == module.name and issubclass(kind, nn.Module)
            if is_own and not name.startswith("_") and not isabstract(kind):
                yield kind


def test_every_network_has_a_small_instance():
    known = {type(small.build()) for small in SMALL_MODELS.values()}
    assert sorted(kind.__name__ for kind in networks() if kind not in known) == []
