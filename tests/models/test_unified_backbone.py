"""One network for five mixers: all but the mixer is the same."""

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.models.channel_mlp import ChannelMlp
from circulant.models.residual import Residual
from circulant.models.unified_backbone import TOKEN_MIXERS, UNIFIED_T, UnifiedBackbone, UnifiedDesign

SMALL = UnifiedDesign((16, 32), (2, 1))


def small(name, **options):
    return UnifiedBackbone(TOKEN_MIXERS[name], SMALL, 10, 1, **options).double().eval()


def shared(network):
    """Names and values of all parameters and buffers outside of the mixers."""
    mixers = tuple(
        f"{name}.branch."
        for name, module in network.named_modules()
        if isinstance(module, Residual) and not isinstance(module.branch, ChannelMlp)
    )
    assert len(mixers) == 3
    return {name: value for name, value in network.state_dict().items() if not name.startswith(mixers)}


@pytest.mark.parametrize("name", TOKEN_MIXERS)
def test_swapping_the_mixer_leaves_every_other_parameter_as_it_is(name):
    expected, found = shared(small("depthwise")), shared(small(name))
    assert {key: value.shape for key, value in found.items()} == {
        key: value.shape for key, value in expected.items()
    }


@pytest.mark.parametrize("name", [name for name in TOKEN_MIXERS if name != "depthwise"])
def test_with_shared_weights_and_layer_scale_zero_all_mixers_give_the_same_output(name):
    x = torch.randn(2, 1, 28, 28, dtype=torch.float64)
    first, second = small("depthwise", scale=0.0), small(name, scale=0.0)
    second.load_state_dict(shared(first), strict=False)
    assert torch.equal(first(x), second(x))
    for network in (first, second):
        for block in network.modules():
            if isinstance(block, Residual):
                torch.nn.init.ones_(block.scale)
    assert not torch.equal(first(x), second(x))


def test_the_tiny_network_has_its_published_stages_and_head():
    with torch.device("meta"):
        network = UnifiedBackbone()
    blocks = [sum(isinstance(layer, Residual) for layer in stage) for stage in network.stages]
    assert blocks == [2 * depth for depth in UNIFIED_T.depths]
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert shapes["stages.0.0.weight"] == (48, 3, 3, 3)
    assert shapes["stages.1.0.weight"] == (192, 96, 3, 3)
    assert "stages.1.0.bias" not in shapes
    assert (1152, 768, 1, 1) in shapes.values()
    assert (1000, 1152) in shapes.values()


def test_a_depth_is_needed_for_each_width():
    with pytest.raises(ArgumentError, match="a depth for each stage"):
        UnifiedBackbone(design=UnifiedDesign((8, 16), (1,)))
