"""The network around the slot."""

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.models.backbone import Backbone, no_operator, stem_stride
from circulant.models.baselines import BASELINES
from circulant.models.operator_network import Design, Stage

SMALL = Design((Stage(4, 2), Stage(6, 1)))
BUILDS = {"control": no_operator, **{mixer.name: mixer.fitted for mixer in BASELINES}}


def network(build, shape=(2, 10, 7), seed=0, design=SMALL):
    return Backbone(shape, 3, build, seed, design)


def of_mixers(name):
    return ".mixer." in name


def test_all_weights_outside_the_slot_are_alike_for_every_operator():
    states = {name: network(build).state_dict() for name, build in BUILDS.items()}
    shared = {key for key in states["control"] if not of_mixers(key)}
    for name, state in states.items():
        assert {key for key in state if not of_mixers(key)} == shared
        assert all(torch.equal(state[key], states["control"][key]) for key in shared), name


@pytest.mark.parametrize("name", BUILDS)
def test_the_seed_alone_decides_the_weights(name):
    torch.manual_seed(1)
    first = network(BUILDS[name], seed=5).state_dict()
    torch.manual_seed(2)
    again, other = (network(BUILDS[name], seed=seed).state_dict() for seed in (5, 6))
    assert all(torch.equal(first[key], again[key]) for key in first)
    changed = {key for key in first if not torch.equal(first[key], other[key])}
    assert any(of_mixers(key) for key in changed) or name == "control"
    assert "classify.weight" in changed


def test_building_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    network(BUILDS["Conv"])
    assert torch.equal(torch.get_rng_state(), before)


def test_blocks_of_one_stage_start_with_different_operators():
    first, second = network(BUILDS["Conv"]).blocks[:2]
    assert not torch.equal(first.mixer.weight, second.mixer.weight)


@pytest.mark.parametrize(
    "shape", [(1, 28, 28), (3, 64, 48), (1, 5, 3), (3, 1, 1), (1, 150), (12, 29), (2, 1)]
)
@pytest.mark.parametrize("name", BUILDS)
def test_any_picture_or_series_gives_finite_logits_and_gradients(name, shape):
    net = network(BUILDS[name], shape)
    logits = net(torch.randn(2, *shape))
    assert logits.shape == (2, 3)
    logits.square().sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in net.parameters())


@pytest.mark.parametrize(
    ("spatial", "stride"), [((28, 28), 2), ((16, 16), 1), ((17, 4), 2), ((224, 224), 16)]
)
def test_the_stem_brings_pictures_to_at_most_sixteen_positions_a_side(spatial, stride):
    assert stem_stride(spatial) == stride


@pytest.mark.parametrize(("length", "stride"), [(128, 1), (129, 2), (1460, 16)])
def test_the_stem_brings_series_to_at_most_128_positions(length, stride):
    assert stem_stride((length,)) == stride


def test_the_control_mixes_no_positions_beyond_the_patches():
    net = network(no_operator, (1, 16, 16)).eval()
    features = net.body[:3]  # stem patches of one pixel and two blocks
    x = torch.randn(1, 1, 16, 16, requires_grad=True)
    features(x)[0, :, 5, 9].sum().backward()
    assert x.grad.nonzero().tolist() == [[0, 0, 5, 9]]


def test_the_middle_block_is_on_the_finest_grid():
    net = Backbone((1, 28, 28), 10, BUILDS["Conv"], 0, Design())
    met = []
    net.middle.mixer.register_forward_pre_hook(lambda module, inputs: met.append(inputs[0].shape))
    net(torch.randn(2, 1, 28, 28))
    assert met == [(2, 24, 14, 14)] and net.middle is net.blocks[1]


def test_the_network_computes_what_its_description_says():
    """Against the equations, written with other torch calls, in eval mode."""
    net = network(BUILDS["Conv"], (1, 8, 8), design=Design((Stage(4, 1),))).double().eval()
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.5)
    x = torch.randn(2, 1, 8, 8, dtype=torch.float64)
    state = dict(net.state_dict())

    def norm(y, key):  # fresh running statistics: mean 0, variance 1
        scale = state[f"{key}.weight"] / (1 + 1e-5) ** 0.5
        return torch.einsum("bchw,c->bchw", y, scale) + state[f"{key}.bias"][:, None, None]

    def linear(y, key):
        return torch.einsum("bchw,dc->bdhw", y, state[f"{key}.weight"]) + state[f"{key}.bias"][:, None, None]

    y = torch.einsum("bihw,oi->bohw", x, state["body.0.conv.weight"][:, :, 0, 0])
    y = y + state["body.0.conv.bias"][:, None, None]
    conv = nn.functional.conv2d(
        norm(y, "body.1.mixer_norm"), state["body.1.mixer.weight"], state["body.1.mixer.bias"], padding=1
    )
    y = y + state["body.1.mixer_scale"][:, :, None] * conv
    hidden = nn.functional.gelu(linear(norm(y, "body.1.mlp_norm"), "body.1.mlp.0"))
    y = y + state["body.1.mlp_scale"][:, :, None] * linear(hidden, "body.1.mlp.2")
    pooled = nn.functional.gelu(norm(y, "head.0")).mean((2, 3))
    expected = pooled @ state["classify.weight"].T + state["classify.bias"]
    assert torch.allclose(net(x), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("shape", [(3,), (1, 4, 4, 4), (0, 8), (1, 0)])
def test_shapes_that_are_neither_pictures_nor_series_are_refused(shape):
    with pytest.raises(ArgumentError, match=r"expected examples \(C, L\) or \(C, H, W\)"):
        network(no_operator, shape)
