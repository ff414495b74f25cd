"""A ConvFormer layer starts as the identity, gates by a product, and merges exactly."""

import torch
import torch.nn.functional as F

from circulant.core.tolerances import assert_close
from circulant.operators.spatial.conv_former_layer2d import ConvFormerLayer2d


def picture(dtype=torch.float64):
    return torch.randn(2, 4, 8, 7, dtype=dtype, generator=torch.Generator().manual_seed(1))


def layer(dtype=torch.float64, scale=1.0):
    torch.manual_seed(0)
    return ConvFormerLayer2d(4, 5, scale=scale, dtype=dtype)


def test_a_new_layer_is_nearly_the_identity():
    change = layer(scale=1e-6)(picture()) - picture()
    assert 0 < change.abs().max() < 1e-5


def test_the_mixer_is_a_product_of_values_with_convolved_queries():
    module, x = layer(), picture()
    spread = module.spread
    gate = F.conv2d(F.gelu(module.query(x)), spread.weight, spread.bias, padding=2, groups=4)
    assert_close(module.mix(x), module.project(gate * module.value(x)), 1e-12)


def test_without_values_the_mixer_is_the_bias_of_its_projection():
    module = layer()
    with torch.no_grad():
        module.value.weight.zero_()
        module.value.bias.zero_()
    mixed = module.mix(picture())
    assert_close(mixed, module.project.bias[:, None, None].expand_as(mixed), 1e-12)


def test_merging_the_edge_masks_changes_nothing():
    module, x = layer(), picture()
    with torch.no_grad():
        module.mlp.edge.scale.normal_()
        module.mlp.edge.shift.normal_()
    assert_close(module.fuse()(x), module(x), 1e-12)
    assert_close(module.float().fuse()(x.float()), module(x.float()), 1e-6)
