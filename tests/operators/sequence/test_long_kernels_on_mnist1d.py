"""Kernels as long as the series against three taps in the same network, trained on MNIST-1D."""

import pytest
import torch
from torch import nn

from circulant.data.mnist1d import mnist_1d
from circulant.models.block import Block
from circulant.models.heads import PoolHead
from circulant.operators.sequence.long_conv1d import LongConv1d
from circulant.operators.sequence.sg_conv import SGConv
from circulant.train.fit import fit
from circulant.train.predict import predict

CHANNELS = 24
LENGTH = 40


def mean_accuracy(build, steps):
    """On the test part, over three seeds, of one block between a pointwise map and a linear head."""
    data = mnist_1d()
    x, y = torch.from_numpy(data.train.x), torch.from_numpy(data.train.y)
    total = 0.0
    for seed in range(3):
        torch.manual_seed(seed)
        network = nn.Sequential(
            nn.Conv1d(1, CHANNELS, 1), Block(CHANNELS, build()), PoolHead(CHANNELS, len(data.classes))
        )
        fit(network, x, y, steps=steps, seed=seed)
        predicted = predict(network, torch.from_numpy(data.test.x))
        total += (predicted == torch.from_numpy(data.test.y)).float().mean().item()
    return total / 3


@pytest.mark.slow
def test_the_structured_kernel_is_more_accurate_than_a_depthwise_convolution_of_three_taps():
    structured = mean_accuracy(lambda: SGConv(CHANNELS, LENGTH, 8), 400)
    short = mean_accuracy(lambda: nn.Conv1d(CHANNELS, CHANNELS, 3, padding=1, groups=CHANNELS), 400)
    print(f"SGConv {structured:.3f}, depthwise convolution of 3 taps {short:.3f}")
    assert structured >= short + 0.03


@pytest.mark.slow
def test_the_free_kernel_is_more_accurate_than_the_same_with_three_taps():
    long = mean_accuracy(lambda: LongConv1d(CHANNELS, LENGTH), 800)
    short = mean_accuracy(lambda: LongConv1d(CHANNELS, 3), 800)
    print(f"LongConv1d with {LENGTH} taps {long:.3f}, with 3 taps {short:.3f}")
    assert long >= short + 0.05
