"""Three small networks with what is said of them: of pictures, of series, and one without convolution."""

from functools import cache

import torch
from tests.explain.digit_network import digits
from torch import nn

from circulant.data.mnist1d import mnist_1d
from circulant.explain import About, explain
from circulant.train.fit import fit

NAMES = tuple(map(str, range(10)))
COUNT = 12
ABOUT = About("net.py:digits", "net.py:other", "digits", NAMES)


class Branching(nn.Module):
    """No convolution, and control flow that depends on numbers: nothing can trace it."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(784, 16), nn.Linear(16, 10)

    def forward(self, x):
        y = self.first(x.flatten(1))
        if float(y.mean().detach()) > 1e9:
            return self.last(y)
        return self.last(y.tanh() * y)


def of_pictures(seed):
    torch.manual_seed(seed)
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(inplace=True)),
        *(nn.Conv2d(6, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 10)),
    )


def of_series():
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv1d(1, 6, 5, padding=2), nn.ReLU(), nn.Conv1d(6, 8, 5, stride=2, padding=2), nn.ReLU()),
        *(nn.AdaptiveAvgPool1d(4), nn.Flatten(), nn.Linear(32, 10)),
    )


@cache
def digit_networks():
    x, y, _, _ = digits()
    networks = [of_pictures(seed) for seed in (0, 1)]
    for network in networks:
        fit(network, x[:1000], y[:1000], steps=60)
    return tuple(networks)


def digit_examples():
    return digits()[2][:COUNT]


def series_examples():
    return torch.from_numpy(mnist_1d().test.x[:COUNT])


@cache
def pictures_explained():
    network, other = digit_networks()
    return explain(network, digit_examples(), against=other, about=ABOUT)


@cache
def series_explained():
    network = of_series()
    return explain(network, series_examples(), about=About("series.py:net", classes=NAMES))


@cache
def branching_explained():
    torch.manual_seed(0)
    return explain(Branching(), digit_examples())
