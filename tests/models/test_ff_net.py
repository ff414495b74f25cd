"""MetaMixer with softmax is attention; FastForwardNet has the published size and reads digits."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.data.mnist import mnist_5k
from circulant.models.ff_net import FFNET_1, FastForwardDesign, FastForwardNet
from circulant.models.meta_mixer import Fixed, Keys, MetaMixer, Values
from circulant.models.normed_convs import NormedConvs, NormedSkip
from circulant.operators.spatial.ffnified_attention2d import FFNifiedAttention2d
from circulant.train.fit import fit
from circulant.train.predict import predict

SMALL = FastForwardDesign((24, 48), (1, 1), (3, 7), (3, 7), stem=16)


def published():
    with torch.device("meta"):
        return FastForwardNet(FFNET_1)


def size(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_ffnet_1_has_as_many_parameters_as_the_published_code_before_and_after_merging():
    network = published()
    before = size(network)
    network.reparameterize()
    assert before == pytest.approx(13.78e6, abs=5e3)
    assert size(network) == pytest.approx(13.66e6, abs=5e3)
    assert size(network) == pytest.approx(13.7e6, rel=0.01)


def test_ffnet_1_takes_3_billion_multiplications_for_256_pixels():
    network = published()
    network.reparameterize()
    with FlopCounterMode(display=False) as counter:
        network(torch.empty(1, 3, 256, 256, device="meta"))
    assert counter.get_total_flops() / 2 == pytest.approx(3.0e9, rel=0.02)


def test_with_softmax_and_dot_products_it_is_scaled_dot_product_attention():
    torch.manual_seed(0)
    query, key, value = (nn.Linear(6, 5, dtype=torch.float64) for _ in range(3))
    mixer = MetaMixer(query, Keys(key), nn.Softmax(-1), Values(value))
    x = torch.randn(2, 7, 6, dtype=torch.float64)
    attention = F.scaled_dot_product_attention(query(x), key(x), value(x))
    assert_close(mixer(x), attention, 1e-12)


def test_with_fixed_kernels_and_gelu_it_is_ffnified_attention():
    torch.manual_seed(0)
    operator = FFNifiedAttention2d(4, 7, dtype=torch.float64).eval()
    query = nn.Sequential(operator.query, operator.norm)
    mixer = MetaMixer(query, Fixed(operator.key), nn.GELU(), Fixed(operator.value))
    x = torch.randn(2, 4, 6, 5, dtype=torch.float64)
    assert_close(mixer(x), operator(x), 1e-12)


@pytest.mark.parametrize(
    "module", [NormedConvs(4, 8, (7, 3), stride=2, groups=4), NormedConvs(4, 6, (3,)), NormedSkip(4)]
)
def test_normed_convolutions_merge_exactly_after_training(module):
    torch.manual_seed(0)
    fit(
        nn.Sequential(module, nn.Flatten(), nn.LazyLinear(3)),
        torch.randn(8, 4, 9, 9),
        torch.arange(8) % 3,
        steps=4,
    )
    x = torch.randn(2, 4, 9, 9, dtype=torch.float64)
    module = module.double()
    assert_close(module.merged()(x), module(x), 1e-12)


def test_a_merged_network_answers_as_before():
    torch.manual_seed(0)
    network = FastForwardNet(SMALL, 3, 1)
    x = torch.rand(8, 1, 28, 28)
    fit(network, x, torch.arange(8) % 3, steps=4)
    network, x = network.double(), x.double()
    with torch.no_grad():
        assert_close(network.fuse()(x), network(x), 1e-10)


def test_a_design_without_all_sizes_of_a_stage_is_refused():
    with pytest.raises(ArgumentError, match="one stage or more"):
        FastForwardNet(FastForwardDesign((8, 16), (1,)))


@pytest.mark.slow
def test_a_small_network_reads_digits():
    digits = mnist_5k(0)
    torch.manual_seed(0)
    network = FastForwardNet(SMALL, 10, 1)
    fit(network, torch.from_numpy(digits.train.x), torch.from_numpy(digits.train.y), steps=400)
    right = predict(network, torch.from_numpy(digits.test.x)) == torch.from_numpy(digits.test.y)
    assert right.double().mean() >= 0.95
