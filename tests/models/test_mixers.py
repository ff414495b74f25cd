"""What can be put into the slot, over the product's own tables."""

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError, UnknownNameError
from circulant.models.backbone import Backbone
from circulant.models.baselines import BASELINES, SelfAttention
from circulant.models.find import find_mixer, mixers
from circulant.models.mixer import Mixer
from circulant.models.operator_network import Design

SHAPES = {1: (2, 24), 2: (1, 20, 20)}  # small, with three grids of different size


@pytest.mark.parametrize("ndim", SHAPES)
@pytest.mark.parametrize("name", sorted(mixers()))
def test_every_operator_trains_in_the_default_network_or_is_refused_for_its_axes(name, ndim):
    mixer = find_mixer(name)
    if ndim not in mixer.ndims and not (ndim == 2 and 1 in mixer.ndims):
        with pytest.raises(ArgumentError, match=f"{name} works on .*, but the data are"):
            mixer.require(ndim)
        return
    net = Backbone(SHAPES[ndim], 3, mixer.fitted, 0, Design())
    logits = net(torch.randn(4, *SHAPES[ndim]))
    nn.functional.cross_entropy(logits, torch.tensor([0, 1, 2, 0])).backward()
    gradients = [parameter.grad for parameter in net.parameters() if parameter.grad is not None]
    assert logits.shape == (4, 3) and all(torch.isfinite(gradient).all() for gradient in gradients)


def test_one_dimensional_operators_read_a_picture_row_by_row():
    """A causal sum along the sequence, known by hand."""

    class RunningSum(nn.Module):
        def forward(self, x):
            return x.cumsum(-1)

    x = torch.arange(6.0).reshape(1, 1, 2, 3)
    grid = Mixer("RunningSum", (1,), lambda channels, spatial: RunningSum()).fitted(1, (2, 3))
    assert grid(x).tolist() == [[[[0, 1, 3], [6, 10, 15]]]]


def test_a_one_dimensional_operator_is_built_for_the_whole_sequence():
    seen = []
    Mixer("Probe", (1,), lambda channels, spatial: seen.append((channels, spatial)) or nn.Identity()).fitted(
        8, (3, 5)
    )
    assert seen == [(8, (15,))]


def test_volumes_alone_are_refused_for_pictures():
    with pytest.raises(ArgumentError, match="Deep works on volumes, but the data are pictures; leave it out"):
        Mixer("Deep", (3,), lambda channels, spatial: nn.Identity()).fitted(8, (3, 5))


def test_an_unknown_operator_suggests_the_nearest():
    with pytest.raises(
        UnknownNameError, match="no operator named 'SelfAtention'; did you mean SelfAttention"
    ):
        find_mixer("SelfAtention")


def test_baselines_are_the_layers_of_torch_that_their_names_say():
    conv, depthwise = (mixer.fitted(8, (9, 9)) for mixer in BASELINES[:2])
    assert type(conv) is nn.Conv2d and conv.kernel_size == (3, 3) and conv.groups == 1
    assert type(depthwise) is nn.Conv2d and depthwise.kernel_size == (7, 7) and depthwise.groups == 8
    assert type(BASELINES[0].fitted(8, (9,))) is nn.Conv1d


def test_self_attention_equals_softmax_attention_by_hand():
    layer = SelfAttention(4, (2, 3)).double()
    x = torch.randn(2, 4, 2, 3, dtype=torch.float64)
    tokens = x.flatten(2).transpose(1, 2) + layer.position
    attention = layer.attention
    query, key, value = (tokens @ attention.in_proj_weight.T + attention.in_proj_bias).chunk(3, -1)
    share = torch.softmax(query @ key.transpose(1, 2) / 2, -1)  # one head of four channels
    expected = (share @ value) @ attention.out_proj.weight.T + attention.out_proj.bias
    assert torch.allclose(layer(x), expected.transpose(1, 2).reshape(x.shape), rtol=1e-10)
