"""The networks for text and for fields, over the product's own tables."""

import numpy as np
import pytest
import torch

from circulant.catalogue import CATALOGUE
from circulant.core.card import Law
from circulant.core.errors import ArgumentError
from circulant.models.backbone import no_operator
from circulant.models.baselines import BASELINES
from circulant.models.causal_backbone import CausalBackbone
from circulant.models.field_backbone import FieldBackbone, Scaling
from circulant.models.find import find_mixer, mixers
from circulant.models.operator_network import Design, Stage

SMALL = Design((Stage(16, 2),))
CAUSAL = sorted(name for name, mixer in mixers().items() if mixer.causal is not None)
SCALING = Scaling(np.array([5.0, -1.0]), np.array([2.0, 0.1]))


def text_network(build, seed=0, characters=7, length=24):
    return CausalBackbone(characters, length, build, seed, SMALL)


def field_network(build, shape=(1, 6, 8), seed=0):
    return FieldBackbone(shape, SCALING, build, seed, SMALL)


@pytest.mark.parametrize("name", CAUSAL)
def test_no_position_of_text_sees_a_later_one(name):
    net = text_network(find_mixer(name).causally).eval()
    codes = torch.randint(0, 7, (3, 1, 24))
    changed = codes.clone()
    changed[..., 13:] = (changed[..., 13:] + 1) % 7
    with torch.no_grad():
        before, after = net(codes), net(changed)
    assert before.shape == (3, 7, 24)
    assert torch.allclose(before[..., :13], after[..., :13], atol=1e-5)
    assert not torch.allclose(before[..., 13:], after[..., 13:], atol=1e-3)


@pytest.mark.parametrize("name", CAUSAL)
def test_every_causal_operator_trains_in_the_network_for_text(name):
    net = text_network(find_mixer(name).causally)
    codes = torch.randint(0, 7, (4, 1, 24))
    torch.nn.functional.cross_entropy(net(codes), codes[:, 0]).backward()
    gradients = [parameter.grad for parameter in net.parameters() if parameter.grad is not None]
    assert gradients and all(torch.isfinite(gradient).all() for gradient in gradients)


def test_the_catalogues_causal_operators_and_the_layers_of_torch_are_those_that_can_be():
    claimed = {
        operator.__name__
        for card in CATALOGUE
        for operator in card.operators
        if Law.CAUSAL in card.laws and 1 in operator.ndims
    }
    assert set(CAUSAL) == claimed | {mixer.name for mixer in BASELINES}


def test_an_operator_that_may_see_later_positions_is_refused_for_text():
    with pytest.raises(ArgumentError, match="FourierMixing1d may see later ones; leave it out"):
        find_mixer("FourierMixing1d").require_causal()
    find_mixer("LongConv1d").require_causal()


@pytest.mark.parametrize("build", [network for network in (text_network, field_network)])
def test_weights_outside_of_the_slots_are_alike_and_the_seed_decides_them(build):
    causal = build is text_network
    states = []
    for mixer in BASELINES:
        torch.manual_seed(len(states))
        states.append(build(mixer.causally if causal else mixer.fitted, seed=3).state_dict())
    control, other = build(no_operator, seed=3).state_dict(), build(no_operator, seed=4).state_dict()
    for state in states:
        assert set(control) <= set(state) and all(torch.equal(state[key], control[key]) for key in control)
    assert any(not torch.equal(control[key], other[key]) for key in control)


def test_building_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    text_network(find_mixer("Conv").causally)
    field_network(find_mixer("Conv").fitted)
    assert torch.equal(torch.get_rng_state(), before)


def test_slots_start_with_different_operators_and_the_middle_one_is_looked_into():
    net = field_network(find_mixer("Conv").fitted)
    first, second = (block.mixer for block in net.blocks)
    assert not torch.equal(first.weight, second.weight) and net.middle_operator is first
    text = text_network(find_mixer("LongConv1d").causally)
    met = []
    text.middle_operator.register_forward_pre_hook(lambda module, inputs: met.append(inputs[0].shape))
    text(torch.zeros(2, 1, 24, dtype=torch.long))
    assert met == [(2, 16, 24)]


@pytest.mark.parametrize("shape", [(1, 9), (3, 16), (1, 6, 8), (2, 5, 5)])
@pytest.mark.parametrize("name", ["Conv", "SelfAttention", "LongConv1d"])
def test_fields_keep_their_grid(name, shape):
    net = field_network(find_mixer(name).fitted, shape)
    y = net(torch.randn(3, *shape))
    assert y.shape == (3, 2, *shape[1:])
    y.square().sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in net.parameters())


def test_the_control_treats_every_point_alone():
    net = field_network(no_operator).eval()
    x = torch.randn(1, 1, 6, 8, requires_grad=True)
    net(x)[0, :, 2, 5].sum().backward()
    assert x.grad.nonzero().tolist() == [[0, 0, 2, 5]]


def test_the_control_knows_the_place_of_a_point():
    net = field_network(no_operator).eval()
    with torch.no_grad():
        y = net(torch.zeros(1, 1, 6, 8))
    assert y[0, 0].unique().numel() == 48


def test_answers_are_on_the_scale_of_the_training_part():
    y = np.random.default_rng(0).normal(size=(50, 2, 9)).astype(np.float32)
    y[:, 0] = 3 + 10 * y[:, 0]
    scaling = Scaling.of(y)
    assert scaling.mean == pytest.approx([3, 0], abs=2) and scaling.deviation == pytest.approx(
        [10, 1], rel=0.1
    )
    net = FieldBackbone((1, 9), scaling, no_operator, 0, SMALL).eval()
    for parameter in net.project.parameters():
        torch.nn.init.zeros_(parameter)
    with torch.no_grad():
        answer = net(torch.randn(4, 1, 9))
    assert torch.allclose(answer.mean((0, 2)), torch.tensor(scaling.mean).float())


@pytest.mark.parametrize("mixer", BASELINES, ids=lambda mixer: mixer.name)
def test_causal_layers_of_torch_equal_the_others_on_the_past(mixer):
    """The last position has everything behind it: there, causal and not causal attention agree."""
    torch.manual_seed(0)
    module = mixer.causally(16, (10,))
    x = torch.randn(2, 16, 10)
    assert module(x).shape == x.shape
    if mixer.name == "SelfAttention":
        torch.manual_seed(0)
        assert torch.allclose(module(x)[..., -1], mixer.fitted(16, (10,))(x)[..., -1], atol=1e-5)
