"""A network trained on pictures, and the same kernels on volumes."""

import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.spatial.cross_dimensional_conv import CrossDimensionalConv
from circulant.optimise.transfer_2d_3d import transfer_2d_3d
from circulant.train.fit import fit


def features(width=8):
    torch.manual_seed(0)
    return nn.Sequential(
        CrossDimensionalConv(1, width, 3, padding=1),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d(2),
        CrossDimensionalConv(width, 2 * width, 3, padding=1),
        nn.BatchNorm2d(2 * width),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
    )


def test_everything_beside_the_kernels_becomes_three_dimensional_and_undo_brings_it_back():
    network, x = features().eval(), torch.randn(2, 1, 8, 8)
    expected = network(x)
    rewrite = transfer_2d_3d(network)
    assert [each.name for each in rewrite.replaced] == ["1", "3", "5", "7"]
    assert network(torch.randn(2, 1, 8, 8, 8)).shape == (2, 16 * 8)
    rewrite.undo()
    assert torch.equal(network(x), expected)


def test_norms_keep_parameters_and_statistics_and_pointwise_layers_their_weights():
    network = nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3), nn.AvgPool2d(2), nn.Dropout2d(0.3))
    network(torch.randn(4, 2, 6, 6))
    scale, mean = network[1].weight, network[1].running_mean
    before = network.eval()
    x = torch.randn(2, 2, 6, 6)
    expected = before(x)
    transfer_2d_3d(network)
    assert network[1].weight is scale
    assert network[1].running_mean is mean
    deep = network(x[:, :, None].expand(2, 2, 4, 6, 6))
    assert_close(deep, expected[:, :, None].expand(2, 3, 2, 3, 3), 1e-4)


def test_two_dimensional_kernels_are_refused():
    with pytest.raises(ArgumentError, match=r"1x1 convolutions beside CrossDimensionalConv, got '0'"):
        transfer_2d_3d(nn.Sequential(nn.Conv2d(2, 3, 3)))
    with pytest.raises(ArgumentError, match=r"same size along both axes of '0', got \(2, 1\)"):
        transfer_2d_3d(nn.Sequential(nn.MaxPool2d((2, 1))))


def deep_features():
    torch.manual_seed(0)
    layers = []
    for width in (1, 8, 8, 8):
        layers += [CrossDimensionalConv(width, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()]
    return nn.Sequential(*layers[:6], nn.MaxPool2d(2), *layers[6:], nn.AdaptiveAvgPool2d(2), nn.Flatten())


def take_statistics_anew(network, volumes):
    """Sums of a kernel over a volume have more terms than those of its slice over a picture."""
    network.train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.reset_running_stats()
            module.momentum = None
    with torch.no_grad():
        network(volumes)
    network.eval()


@pytest.mark.slow
def test_kernels_trained_on_digits_serve_a_linear_probe_of_volumes_better_than_random_ones():
    digits = load_digits()
    x, y = torch.tensor(digits.images[:, None] / 16, dtype=torch.float32), torch.tensor(digits.target)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    train, test = order[:1200], order[1200:]
    volumes = x[:, :, None].expand(-1, 1, 8, 8, 8)  # digits as long as they are high

    def probe(network, labels):
        """Accuracy of a linear readout by least squares from so many labelled volumes."""
        with torch.no_grad():
            seen = network(volumes)
        seen = (seen - seen[train].mean(0)) / (seen[train].std(0) + 1e-6)
        seen, known = F.pad(seen, (0, 1), value=1.0), train[:labels]
        gram = seen[known].T @ seen[known] + torch.eye(seen.shape[1])
        readout = torch.linalg.solve(gram, seen[known].T @ F.one_hot(y[known], 10).float())
        return ((seen[test] @ readout).argmax(1) == y[test]).float().mean().item()

    trained, random = deep_features(), deep_features()
    classifier = nn.Sequential(trained, nn.Linear(32, 10))
    fit(classifier, x[train], y[train], steps=200)
    with torch.no_grad():
        picture = (classifier(x[test]).argmax(1) == y[test]).float().mean().item()
    for network in (trained, random):
        transfer_2d_3d(network)
        take_statistics_anew(network, volumes[train[:300]])
    after, before = ([probe(network, labels) for labels in (300, 100)] for network in (trained, random))
    print(f"pictures {picture:.3f}; probes of volumes: random {before}, trained {after}")
    assert picture > 0.95
    assert after[0] > before[0] + 0.01
    assert after[1] > before[1] + 0.03
