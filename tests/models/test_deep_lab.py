"""DeepLab is a residual network of the known size that keeps an eighth of the resolution."""

import torch

from circulant.models.deep_lab import AtrousStage, DeepLab

RESNET_101_WITHOUT_ITS_HEAD = 44_549_160 - 2_049_000
SMALL = (AtrousStage(8, 1, 1, 1), AtrousStage(8, 1, 2, 2))


def size(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_body_is_resnet_101_and_the_pyramid_has_four_branches():
    with torch.device("meta"):
        network = DeepLab(21)
    assert size(network.body) == RESNET_101_WITHOUT_ITS_HEAD
    assert size(network.pool) == 4 * (2048 * 21 * 9 + 21)


def test_scores_are_on_an_eighth_of_the_grid_and_the_answer_is_on_all_of_it():
    with torch.device("meta"):
        network, x = DeepLab(21), torch.empty(1, 3, 321, 257)
    assert network.scores(x).shape == (1, 21, 41, 33)
    assert network(x).shape == (1, 21, 321, 257)


def test_it_learns_to_find_a_bright_square():
    torch.manual_seed(0)
    network = DeepLab(2, SMALL, 1, stem=8, rates=(1, 2))
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    truth = torch.zeros(8, 32, 32, dtype=torch.long)
    for number, square in enumerate(truth):
        square[number : number + 16, 2 * number : 2 * number + 16] = 1
    x = truth[:, None] + 0.1 * torch.randn(8, 1, 32, 32)
    losses = []
    for _ in range(30):
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(x), truth)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
