"""Blocks of attention among low frequencies beside convolution."""

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.data.mnist import mnist_5k
from circulant.models.dct_histo import DctHistoBlock, DctHistoTransformer
from circulant.train.fit import fit
from circulant.train.predict import predict


def test_each_half_of_the_channels_takes_its_own_path():
    block = DctHistoBlock(8).eval()
    x = torch.randn(1, 8, 6, 6)
    changed = x.clone()
    changed[:, 4:, 0, 0] += 1
    block.fuse = torch.nn.Identity()
    before, after = block(x), block(changed)
    assert torch.equal(before[:, :4], after[:, :4])
    assert not torch.equal(before[:, 4:, 0, 0], after[:, 4:, 0, 0])
    assert torch.equal(before[:, 4:, 4:, 4:], after[:, 4:, 4:, 4:])  # the convolution is local


def test_an_odd_number_of_channels_is_refused():
    with pytest.raises(ArgumentError, match="even number of channels"):
        DctHistoBlock(7)


@pytest.mark.slow
def test_a_small_network_reads_digits():
    torch.manual_seed(0)
    network = DctHistoTransformer(10, 32, 2, in_channels=1)
    data = mnist_5k(0)
    fit(network, torch.from_numpy(data.train.x), torch.from_numpy(data.train.y).long(), steps=500)
    guessed = predict(network, torch.from_numpy(data.test.x))
    assert (guessed == torch.from_numpy(data.test.y)).float().mean() > 0.95
