"""The visual attention network has the published sizes and block, and it reads digits."""

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from circulant.core.tolerances import assert_close
from circulant.models import van
from circulant.models.van import VAN, VanDesign, attention_block
from circulant.train.fit import fit
from circulant.train.predict import predict

PUBLISHED = {  # parameters and multiply-adds at 224 x 224, as printed
    "B0": (4.106e6, 0.864e9),
    "B1": (13.9e6, 2.5e9),
    "B2": (26.58e6, 4.99e9),
    "B3": (44.8e6, 9.0e9),
    "B4": (60.3e6, 12.2e9),
    "B5": (90.0e6, 17.2e9),
    "B6": (200e6, 38.9e9),
}
QUICK = ("B0", "B2")


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in PUBLISHED]
)
def test_parameters_and_work_are_the_published_ones(name):
    parameters, work = PUBLISHED[name]
    with torch.device("meta"):
        network = VAN(getattr(van, f"VAN_{name}")).eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            assert network(torch.empty(1, 3, 224, 224)).shape == (1, 1000)
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(parameters, rel=0.01)
    assert counter.get_total_flops() / 2 == pytest.approx(work, rel=0.01)


def test_attention_has_a_shortcut_of_its_own_from_behind_the_norm():
    torch.manual_seed(0)
    attend, mix = attention_block(4, 2).double().eval()
    x = torch.randn(2, 4, 9, 8, dtype=torch.float64)
    nn.init.normal_(attend.norm.running_mean)
    h = attend.norm(x)
    before, _, attention, after = attend.branch.branch
    expected = x + attend.scale[:, None, None] * (h + after(attention(nn.functional.gelu(before(h)))))
    assert_close(attend(x), expected)
    expand, depthwise, _, project = mix.branch
    hidden = nn.functional.conv2d(expand(mix.norm(x)), depthwise.weight, depthwise.bias, padding=1, groups=8)
    assert_close(mix(x), x + mix.scale[:, None, None] * project(nn.functional.gelu(hidden)))


def test_each_stage_ends_in_a_layer_norm():
    network = VAN(VanDesign((8, 16), (1, 1), (2, 2)), 5).eval()
    finer, coarser = network.features(torch.randn(2, 3, 32, 40))
    assert (finer.shape, coarser.shape) == ((2, 8, 8, 10), (2, 16, 4, 5))
    for features in (finer, coarser):
        assert_close(features.mean(1), torch.zeros_like(features[:, 0]), 1e-5)


@pytest.mark.slow
def test_a_small_network_reads_digits():
    digits = load_digits()
    x = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 8 - 1
    y = torch.tensor(digits.target)
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(0))
    train, test = order[:1344], order[1344:]
    torch.manual_seed(0)
    network = VAN(VanDesign((16, 32), (1, 1), (4, 4)), 10, 1, stem_stride=1)
    fit(network, x[train], y[train], steps=200)
    assert (predict(network, x[test]) == y[test]).double().mean() >= 0.95
