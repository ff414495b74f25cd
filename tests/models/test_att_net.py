"""AttNet has the sizes that were published, and its gated networks see their neighbours."""

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.models.att_net import (
    ATTNET_S,
    ATTNET_T1,
    ATTNET_T2,
    ATTNET_T3,
    ATTNET_T4,
    ATTNET_XS,
    ATTNET_XXS,
    AttDesign,
    AttNet,
    att_block,
)
from circulant.models.conv_glu import ConvGlu

PUBLISHED = (
    (ATTNET_XXS, 2.854e6),
    (ATTNET_XS, 5.56e6),
    (ATTNET_S, 7.69e6),
    (ATTNET_T1, 13.71e6),
    (ATTNET_T2, 27.011e6),
    (ATTNET_T3, 49.18e6),
    (ATTNET_T4, 87.32e6),
)


@pytest.mark.parametrize(("design", "published"), PUBLISHED)
def test_the_parameters_are_as_many_as_published(design, published):
    with torch.device("meta"):
        network = AttNet(design)
    counted = sum(parameter.numel() for parameter in network.parameters())
    assert abs(counted / published - 1) < 0.005


def test_pictures_become_logits_on_a_grid_32_times_coarser():
    with torch.device("meta"):
        network = AttNet(ATTNET_XXS, classes=7)
        x = torch.empty(2, 3, 256, 192)
    assert network.body(x).shape[2:] == (8, 6)
    assert network(x).shape == (2, 7)


def test_a_block_adds_the_scaled_mixer_and_then_the_scaled_gated_network():
    torch.manual_seed(0)
    x = torch.randn(2, 6, 5, 4, dtype=torch.float64)
    block = att_block(6, 4).double()
    mixer, gated = block
    assert mixer.scale.tolist() == pytest.approx([1e-6] * 6)
    u = x + mixer.scale[:, None, None] * mixer.branch(mixer.norm(x))
    assert_close(block(x), u + gated.scale[:, None, None] * gated.branch(gated.norm(u)))
    assert gated.branch.project.in_channels == 16
    assert all(part.scale is None for part in att_block(6, 4, layer_scale=False))


def test_the_gate_of_a_gated_network_sees_the_neighbours_and_its_value_does_not():
    torch.manual_seed(0)
    x = torch.randn(1, 3, 5, 5, dtype=torch.float64)
    glu = ConvGlu(3, 4).double()
    a, v = glu.expand(x).chunk(2, 1)
    assert_close(glu(x), glu.project(torch.nn.functional.gelu(glu.depthwise(a)) * v))
    moved = x.clone()
    moved[..., 2, 2] += 1
    seen = (glu(moved) - glu(x)).abs().amax((0, 1)) > 1e-9
    assert seen.nonzero().tolist() == [[i, j] for i in (1, 2, 3) for j in (1, 2, 3)]


def test_stages_of_different_count_are_refused():
    with pytest.raises(ArgumentError, match="for the same stages"):
        AttDesign((8, 16), (1, 1, 1), expand=(4, 4))
