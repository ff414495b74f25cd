"""Networks without stride: the same function at first, and as good on small digits."""

import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.optimise.replace_strided import replace_strided
from circulant.train.fit import fit
from circulant.train.predict import predict


class Residual(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
            nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        is_same = stride == 1 and in_channels == out_channels
        conv = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
        self.shortcut = nn.Identity() if is_same else nn.Sequential(conv, nn.BatchNorm2d(out_channels))

    def forward(self, x):
        return F.relu(self.body(x) + self.shortcut(x))


def resnet(pool=True, width=8):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, width, 3, 1, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1) if pool else nn.Identity(),
        Residual(width, width),
        Residual(width, 2 * width, 2),
        Residual(2 * width, 4 * width, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4 * width, 10),
    )


def yolo_stem():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 6, 2, 2), nn.SiLU(), nn.Conv2d(8, 16, 3, 2, 1), nn.AvgPool2d(2), nn.MaxPool2d(5, 1, 2)
    )


def strides(network):
    return [
        name
        for name, module in network.named_modules()
        if isinstance(module, (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d))
        and max(module.stride if isinstance(module.stride, tuple) else (module.stride,)) > 1
    ]


@pytest.mark.parametrize(("network", "channels", "count"), [(resnet, 1, 5), (yolo_stem, 3, 3)])
def test_no_stride_remains_shortcuts_included(network, channels, count):
    model, x = network(), torch.randn(2, channels, 32, 32)
    assert len(strides(model)) == count
    shape = model(x).shape
    rewrite = replace_strided(model, x)
    assert len(rewrite.replaced) == count
    assert strides(model) == []
    assert model(x).shape == shape
    assert all(module.training for module in model.modules())
    rewrite.undo()
    assert len(strides(model)) == count


def test_without_pooling_by_largest_values_the_function_stays():
    model = resnet(pool=False).double().eval()
    x = torch.randn(2, 1, 17, 20, dtype=torch.float64)
    expected = model(x)
    replace_strided(model, x)
    assert_close(model(x), expected, 1e-12)


@pytest.mark.slow
def test_on_small_digits_it_loses_at_most_half_a_point():
    """Means over three orders of the examples."""
    digits = load_digits()
    x, y = torch.tensor(digits.images[:, None] / 16, dtype=torch.float32), torch.tensor(digits.target)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    train, test = order[:1000], order[1000:]
    rights = {"strided": 0.0, "space to depth": 0.0}
    for name in rights:
        for seed in range(3):
            network = resnet(pool=False)
            if name == "space to depth":
                replace_strided(network, x[:2])
            fit(network, x[train], y[train], steps=200, seed=seed)
            rights[name] += (predict(network, x[test]) == y[test]).float().mean().item() / 3
    print(f"8x8 digits: {rights}")
    assert rights["strided"] > 0.95
    assert rights["space to depth"] > rights["strided"] - 0.005
