"""A clock that only the test moves, a network, and a pass that is right or wrong as one likes."""

import torch
from torch import nn

from circulant.optimise.rewrite_pass import Changed, Pass

ROUNDS = 9


def clock_of(gain):
    """The rewritten model takes 1 / gain of the time, with some spread."""

    def measured(calls, budget):
        wobble = [1 + 0.01 * (turn % 3) for turn in range(ROUNDS)]
        return {"before": wobble, "after": [each / gain for each in wobble]}

    return measured


def network():
    layers = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 4 * 4, 5)]
    layers[1].running_mean.normal_()
    layers[1].running_var.uniform_(0.5, 2)
    return nn.Sequential(*layers)


def scaled(by):
    """An exact pass by its own word; it is one for by = 1 only."""

    def apply(model, example):
        with torch.no_grad():
            model[0].weight.mul_(by)
        return Changed(model, "scaled a weight")

    return Pass("scale", "", True, apply)


X = 0.2 * torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(0)) - 0.1


def outcome(report):
    return report.outcome, report.words
