"""A small network that reads digits, trained once; anywhere in a larger picture too."""

from functools import cache

import torch
from torch import nn

from circulant.data.mnist import mnist_5k
from circulant.models.heads import PoolHead
from circulant.train.fit import fit


@cache
def digits():
    """Examples of MNIST-5k as tensors: of the training part and of the test part."""
    data = mnist_5k(0)
    return tuple(torch.from_numpy(array) for part in (data.train, data.test) for array in (part.x, part.y))


@cache
def trained():
    """Three convolutions, then the mean over all positions and a linear map."""
    torch.manual_seed(0)
    network = nn.Sequential(
        *(nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 32, 3, padding=1), nn.ReLU()),
        PoolHead(32, 10),
    )
    x, y, _, _ = digits()
    fit(network, x, y, steps=STEPS)
    return network


STEPS = 500
LAST = 7  # the last convolution's activation, before the head
