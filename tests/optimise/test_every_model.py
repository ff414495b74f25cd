"""Exact passes on a small instance of every network of circulant.models, in both precisions."""

import pkgutil
from importlib import import_module
from inspect import getmembers, isabstract, isclass

import pytest
import torch
from tests.optimise.exact_chain import EXACT, assert_kept, rounding_error
from tests.optimise.settled import settled
from tests.optimise.small_networks import NETWORKS
from tests.optimise.small_parts import PARTS
from torch import nn

import circulant.models
from circulant.optimise.example import Example
from circulant.optimise.rewrite_pass import Changed
from circulant.optimise.verify_rewrite import TOLERANCES

SMALL_MODELS = {**NETWORKS, **PARTS}

# In float32 they are further from themselves in float64; the first has half of tanh of numbers near 1000.
MAGNIFIED = {
    "ChannelAutoregressiveTransformer": frozenset({"large values"}),
    "FourierVesselNet3d": frozenset({"the example"}),
}


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
    assert_kept(*drawn(name), dtype, MAGNIFIED.get(name, frozenset()))


@pytest.mark.usefixtures("_all_planned")
@pytest.mark.parametrize("each", EXACT, ids=[each.name for each in EXACT])
def test_every_exact_pass_finds_something_in_some_model(each):
    assert any(isinstance(each.applied(*drawn(name)), Changed) for name in SMALL_MODELS)


@pytest.mark.parametrize(("name", "cases"), MAGNIFIED.items())
def test_what_may_differ_more_has_rounding_errors_of_that_size_before_any_pass(name, cases):
    assert min(rounding_error(*drawn(name), case) for case in cases) > TOLERANCES[torch.float32]


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
