"""Long convolutions with kernels found once: the same function wherever they are called."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.functional import conv1d  # noqa: F401  # registers what exported graphs call
from circulant.models.hyena import hyena_language_model
from circulant.nn import DiagonalSsm, LongConv1d, RationalTransferFunction1d, S4dMixer1d, SGConv, ShiftSsm
from circulant.optimise.archive import exported_program
from circulant.optimise.exact_passes import freeze_kernels
from circulant.optimise.example import Example
from circulant.optimise.freeze_long_convs import FrozenKernel, freeze_long_convs

L = 24
LAYERS = {
    "long": lambda: LongConv1d(3, 16),
    "as long as wished": lambda: LongConv1d(3, L, kernel_dropout=0.5),
    "multiscale": lambda: SGConv(3, 20, 4),
    "both ways": lambda: SGConv(3, 20, 4, bidirectional=True),
    "state space": lambda: DiagonalSsm(3, 4),
    "shift": lambda: ShiftSsm(3, 8),
    "rational": lambda: RationalTransferFunction1d(3, 2 * L, 4),
    "inside an operator": lambda: S4dMixer1d(3, 4),
}


def frozen(layer, length=L):
    torch.manual_seed(0)
    network = nn.Sequential(layer.double().eval(), nn.ReLU())
    before = deepcopy(network)
    rewrite = freeze_long_convs(network, Example((torch.randn(2, 3, length, dtype=torch.float64),)))
    assert [type(each.after) for each in rewrite.replaced] == [FrozenKernel]
    return before, network, rewrite


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_what_is_frozen_computes_the_same_at_every_length(make):
    before, network, rewrite = frozen(make())
    for length in (L, 5, L, 30):
        x = torch.randn(2, 3, length, dtype=torch.float64)
        with torch.no_grad():
            assert_close(network(x), before(x))
    assert type(rewrite.undo()[0]) is type(before[0])


def test_hyena_keeps_its_gates():
    torch.manual_seed(0)
    network = hyena_language_model(7, 4, 2, L).double().eval()
    before, codes = deepcopy(network), torch.randint(7, (2, L))
    assert len(freeze_long_convs(network, Example((codes,))).replaced) == 2
    with torch.no_grad():
        for part in (codes, codes[:, :9]):
            assert_close(network(part), before(part))


def test_spectra_are_found_once(monkeypatch):
    _, network, _ = frozen(DiagonalSsm(3, 4))
    monkeypatch.setattr(DiagonalSsm, "impulse_response", lambda *_: pytest.fail("made a kernel"))
    x = torch.randn(2, 3, L, dtype=torch.float64)
    with torch.no_grad():
        assert_close(network(x), network(x))


def test_gradients_go_to_the_layer_itself():
    before, network, _ = frozen(DiagonalSsm(3, 4))
    x = torch.randn(2, 3, L, dtype=torch.float64)
    for model in (before, network):
        model(x).sum().backward()
    for expected, found in zip(before.parameters(), network.parameters(), strict=True):
        assert_close(found.grad, expected.grad)


def test_what_else_is_asked_is_asked_of_the_layer():
    before, network, _ = frozen(LongConv1d(3, 16))
    assert network[0].channels == 3
    state = network[0].initial_state(2, dtype=torch.float64)
    x = torch.randn(2, 3, 4, dtype=torch.float64)
    assert_close(network[0].step(x, state)[0], before[0].step(x, state)[0])
    with pytest.raises(AttributeError):
        _ = network[0].nothing


def test_copies_and_other_precisions_find_their_own_spectra():
    before, network, _ = frozen(LongConv1d(3, 16))
    x = torch.randn(2, 3, L, dtype=torch.float64)
    with torch.no_grad():
        y = network(x)
        single = deepcopy(network).float()
        assert single(x.float()).dtype == torch.float32
        assert_close(single(x.float()), y.float())
        assert_close(network(x), before(x))


def test_an_exported_program_holds_the_kernel_and_not_what_made_it():
    before, network, _ = frozen(DiagonalSsm(3, 4))
    x = torch.randn(2, 3, L, dtype=torch.float64)
    program = exported_program(network, Example((x,)))
    assert "exp" not in {
        str(node.target).split(".")[1] for node in program.graph.nodes if "." in str(node.target)
    }
    with torch.no_grad():
        assert_close(program.module()(x), before(x))


def test_a_model_that_is_to_be_trained_on_is_refused():
    network, example = nn.Sequential(DiagonalSsm(2, 4)), Example((torch.randn(1, 2, 8),))
    assert "to be trained on" in freeze_kernels(network.train(), example).reason
    assert "froze the kernels of 1" in freeze_kernels(network.eval(), example).words


def test_chunked_state_space_models_are_left_alone():
    network = nn.Sequential(DiagonalSsm(2, 4, chunk=3)).eval()
    assert not freeze_long_convs(network, Example((torch.randn(1, 2, 8),))).replaced
