"""What the filter leaves survives a coarser grid, and a network that uses it minds shifts less."""

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.data.scenes import scene_patches
from circulant.operators.spectral.de_aliasing_filter import DeAliasingFilter1d, DeAliasingFilter2d
from circulant.train.fit import fit


def interpolated(x, factor):
    """By trigonometric polynomials, the sinc of a circle, along the last two axes."""
    for axis in (-2, -1):
        n = x.shape[axis]
        spectrum = torch.fft.fftshift(torch.fft.fft(x, dim=axis), dim=axis).movedim(axis, -1)
        before = (factor * n) // 2 - n // 2
        padded = F.pad(spectrum, (before, factor * n - n - before)).movedim(-1, axis)
        x = factor * torch.fft.ifft(torch.fft.ifftshift(padded, dim=axis), dim=axis).real
    return x


@pytest.mark.parametrize("size", [(16, 16), (20, 26)])
def test_below_a_quarter_every_second_sample_restores_the_filtered_signal(size):
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    kept = DeAliasingFilter2d(3, 0.24)(x)
    assert (kept - x).abs().max() > 0.1
    assert_close(interpolated(kept[..., ::2, ::2], 2), kept, 1e-10)


def test_at_the_equivalent_rate_a_single_channel_still_folds():
    n = 16
    tone = torch.cos(2 * torch.pi * 0.3125 * torch.arange(n).double())[None, None]
    kept = DeAliasingFilter1d(1, 0.5**1.5)(tone)
    assert_close(kept, tone, 1e-12)
    seen = torch.fft.rfft(kept[..., ::2]).abs().argmax().item() / (n // 2)  # cycles per sample of the grid
    assert seen / 2 == 0.1875
    other = torch.cos(2 * torch.pi * 0.1875 * torch.arange(n).double())[None, None]
    assert_close(kept[..., ::2], other[..., ::2], 1e-12)


def test_it_changes_nothing_when_applied_again_and_nothing_at_all_at_one_half():
    x = torch.randn(1, 2, 9, 10, dtype=torch.float64)
    once = DeAliasingFilter2d(2)(x)
    assert_close(DeAliasingFilter2d(2)(once), once, 1e-12)
    assert_close(DeAliasingFilter2d(2, 0.5)(x), x, 1e-12)
    assert_close(DeAliasingFilter2d(2, 0.0)(x), x.mean((2, 3), keepdim=True).expand_as(x), 1e-12)


def test_a_cutoff_above_one_half_is_refused():
    with pytest.raises(ArgumentError, match="cutoff from 0 to"):
        DeAliasingFilter2d(3, 0.51)


class _ResidualStage(nn.Module):
    """Two 3x3 convolutions, the first with stride 2, beside a 1x1 convolution."""

    def __init__(self, channels, width):
        super().__init__()
        self.first, self.second = nn.Conv2d(channels, width, 3, 2, 1), nn.Conv2d(width, width, 3, 1, 1)
        self.norms = nn.ModuleList([nn.BatchNorm2d(width), nn.BatchNorm2d(width)])
        self.short = nn.Conv2d(channels, width, 1, 2)

    def forward(self, x):
        inner = self.norms[0](self.first(x)).relu()
        return (self.short(x) + self.norms[1](self.second(inner))).relu()


def _res_net(filtered):
    """Filters before the stages that halve the grid, as published, or nothing there."""
    widths = (8, 16, 32, 32)
    layers = [nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()]
    for channels, width in pairwise(widths):
        layers += [
            DeAliasingFilter2d(channels) if filtered else nn.Identity(),
            _ResidualStage(channels, width),
        ]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, len(PICTURES)))


PICTURES = ("brick.png", "grass.png", "gravel.png", "coffee.png", "chelsea.png", "motorcycle_left.png")


def _shift_error(filtered, seed):
    """Mean change of the class probabilities under circular shifts of unseen patches, after training."""
    x = torch.from_numpy(scene_patches(32, 600, 1, PICTURES))
    y = torch.arange(600) % len(PICTURES)
    torch.manual_seed(seed)
    network = _res_net(filtered)
    fit(network, x, y, steps=200, seed=seed)
    unseen = torch.from_numpy(scene_patches(32, 150, 2, PICTURES))
    with torch.no_grad():
        before = network(unseen).softmax(1)
        accuracy = (before.argmax(1) == torch.arange(150) % len(PICTURES)).double().mean()
        moved = [network(unseen.roll(shift, (2, 3))).softmax(1) for shift in ((1, 0), (0, 1), (1, 1), (3, 2))]
    change = torch.stack([(after - before).abs().sum(1).mean() for after in moved]).mean()
    return change.item(), accuracy.item()


@pytest.mark.slow
def test_a_filtered_residual_network_minds_shifts_of_photographs_less():
    plain, filtered = ([_shift_error(kind, seed) for seed in (0, 1)] for kind in (False, True))
    assert min(accuracy for _, accuracy in plain + filtered) > 0.6  # chance is one in six
    assert sum(change for change, _ in filtered) < 0.85 * sum(change for change, _ in plain)
