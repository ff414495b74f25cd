"""Everybody in the contest computes the same network, at sizes that take seconds."""

import pytest
import torch

from circulant.bench.contestant import Role
from circulant.bench.measure import attempt
from circulant.bench.models import contest as contest_module
from circulant.bench.models.contest import contest
from circulant.bench.models.networks import NETWORKS, Network, as_it_came, built, given, inputs, merged
from circulant.bench.operations.table import find_operation
from circulant.bench.row import Status
from circulant.bench.workload import Passes
from circulant.core.tolerances import assert_close
from circulant.models.conv_next import ConvNeXt, ConvNeXtDesign
from circulant.models.hyena import hyena_language_model
from circulant.models.rep_lk_net import LargeKernelStage, RepLKNet
from circulant.models.uni_rep_lk_net import UniRepLKNet, UniRepLKNetDesign
from circulant.optimise.goals import Goals

PICTURES = ((1, 3, 32, 40), (2, 3, 32, 40))
SMALL = {
    "ConvNeXt": Network(lambda: ConvNeXt(ConvNeXtDesign((8, 16), (1, 1)), 5, scale=1.0), PICTURES),
    "RepLKNet": Network(
        lambda: RepLKNet((LargeKernelStage(8, 1, 9),), 5), PICTURES, RepLKNet.reparameterize, is_library=True
    ),
    "UniRepLKNet": Network(
        lambda: UniRepLKNet(UniRepLKNetDesign(8, ((3, 13),)), 5), PICTURES, UniRepLKNet.reparameterize,
        is_library=True,
    ),
    "Hyena": Network(lambda: hyena_language_model(16, 8, 1, 24), ((1, 24), (2, 24)), is_library=True),
}  # fmt: skip


@pytest.fixture
def quick(monkeypatch):
    """What is compiled is tested as it stands, and passes are raced for an instant."""
    monkeypatch.setattr(torch, "compile", lambda function, **settings: function)
    monkeypatch.setattr(contest_module, "GOALS", Goals(budget=0.01))


@pytest.mark.parametrize("name", SMALL)
def test_copies_in_torchs_layers_compute_the_same_with_and_without_branches(name):
    network = SMALL[name]
    x = inputs(network, network.shapes[1])
    x = x if network.reads_tokens else x.double()
    expected = built(network).double()(x)
    for copy in (given(network), as_it_came(network), merged(network)):
        assert_close(copy.double()(x), expected, 1e-6)  # weights were merged in float32
    for copy in (as_it_came(network), merged(network)):
        operators = [
            part for part in copy.modules() if type(part).__module__.startswith("circulant.operators")
        ]
        assert not [part for part in operators if part._parameters]


@pytest.mark.parametrize("name", SMALL)
def test_every_layer_counts_in_what_is_compared(name):
    network = SMALL[name]
    module, x = built(network), inputs(network, network.shapes[0])
    before = module(x)
    for part in module.modules():
        for parameter in part._parameters.values():
            if parameter is not None and parameter.ndim > 1:
                with torch.no_grad():
                    parameter.neg_()
                    changed = (module(x) - before).abs().max() / before.abs().max()
                    parameter.neg_()
                assert changed > 1e-3, type(part)


@pytest.mark.parametrize("name", SMALL)
def test_everybody_is_right_or_says_why_not(name, quick):
    network = SMALL[name]
    case = contest(network).case(network.shapes[1], Passes.FORWARD, 1)
    made = {one.name: attempt(one, case) for one in contest(network).contestants}
    for one in made.values():
        if one.status is Status.LEFT_OUT:
            assert (
                "not installed" in one.note
                or "has no" in one.note
                or "tokens" in one.note
                or "own" in one.note
            )
        elif one.contestant.package.distribution in ("onnxruntime", "openvino"):
            assert one.status is Status.MEASURED or one.note
        else:
            assert one.status is Status.MEASURED and one.error < 1e-5, (one.contestant.name, one.note)
    assert "found in" in made["optimise"].note
    assert (made["eager, branches merged"].status is Status.MEASURED) == (network.merge is not None)
    assert [one.contestant.role for one in made.values()].count(Role.OURS) == 1


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_is_an_operation_at_batch_1_and_32(name):
    network = NETWORKS[name]
    assert [shape[0] for shape in network.shapes] == [1, 32]
    operation = find_operation(name)(network.shapes[0])
    assert len(operation.columns) == len(network.shapes[0])
