"""Trajectories of a diffusion in one call."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.models.diffusion_neural_operator import DiffusionNeuralOperator, trajectory_times
from circulant.train.fit import fit
from circulant.train.recipe import Recipe

CENTRES = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [0.0, -1.2]], dtype=torch.float64)
SPREAD = 0.3


def denoised(x, alpha, sigma):
    """Mean of the clean point given the noisy one, for a mixture of equal Gaussians."""
    variance = alpha**2 * SPREAD**2 + sigma**2
    away = x[:, None] - alpha * CENTRES
    share = torch.softmax(-away.square().sum(-1) / (2 * variance), 1)
    return (share[..., None] * (CENTRES + alpha * SPREAD**2 / variance * away)).sum(1)


def flow(x, times, steps=100):
    """The probability flow from t = 1 to 0 with alpha = cos(pi t / 2), sigma = sin(pi t / 2), at `times`."""
    grid = torch.linspace(1, 0, steps + 1, dtype=torch.float64)
    states = []
    for before, after in pairwise(grid):
        clean = denoised(x, *waves(before))
        alpha, sigma = waves(after)
        x = alpha * clean + sigma * (x - waves(before)[0] * clean) / waves(before)[1]
        if (times - after).abs().min() < 1e-6:
            states.append(x)
    return torch.stack(states, 2)


def waves(t):
    return torch.cos(torch.pi / 2 * t), torch.sin(torch.pi / 2 * t)


def test_times_end_at_zero_and_the_quadratic_ones_crowd_there():
    assert trajectory_times(4).tolist() == [0.75, 0.5, 0.25, 0.0]
    assert trajectory_times(4, quadratic=True).tolist() == [0.5625, 0.25, 0.0625, 0.0]


def test_every_state_comes_from_one_call_and_frames_meet_along_time_only():
    torch.manual_seed(0)
    network = DiffusionNeuralOperator(1, trajectory_times(4), width=8, depth=1, attention_levels=(1,)).eval()
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.2)
    x = torch.randn(2, 1, 8, 4)
    states = network(x)
    assert states.shape == (2, 1, 4, 8, 4)
    assert (states[:, :, 0] - states[:, :, 1]).abs().max() > 1e-3
    for name, parameter in network.named_parameters():
        if "along_time" in name:
            nn.init.zeros_(parameter)
    third = trajectory_times(4)[2:3]
    alone = DiffusionNeuralOperator(1, third, width=8, modes=1, attention_levels=(1,)).eval()
    kept = {name: value for name, value in network.state_dict().items() if "spectral" not in name}
    alone.load_state_dict({**kept, "times": third}, strict=False)
    for name, parameter in alone.named_parameters():
        if "along_time" in name:
            nn.init.zeros_(parameter)
    assert_close(network(x)[:, :, 2:3], alone(x))


def test_a_convolution_along_time_follows_every_residual_stage():
    network = DiffusionNeuralOperator(1, trajectory_times(4), width=8, multipliers=(1, 2), depth=3)
    kinds = [type(module).__name__ for module in network.modules()]
    assert kinds.count("TemporalSpectralConv1d") == 2 * 3 + 1 + 2 * 4
    assert kinds.count("_ResidualBlock") == kinds.count("TemporalSpectralConv1d") + 1


def test_what_does_not_fit_is_refused():
    with pytest.raises(ArgumentError, match="room for 4 modes"):
        DiffusionNeuralOperator(1, trajectory_times(4), modes=4)
    with pytest.raises(ShapeError, match="multiples of 2"):
        DiffusionNeuralOperator(1, trajectory_times(4), width=8)(torch.zeros(1, 1, 5, 4))


@pytest.mark.slow
def test_one_call_reproduces_the_flow_of_a_gaussian_mixture_in_a_hundred_steps():
    generator = torch.Generator().manual_seed(0)
    times = trajectory_times(4)
    noise = torch.randn(3500, 2, generator=generator, dtype=torch.float64)
    states = flow(noise, times)
    assert (states[-500:] - flow(noise[-500:], times, 1000)).norm() < 0.01 * states[-500:].norm()
    x, y = noise[..., None, None].float(), states[..., None, None].float()
    torch.manual_seed(0)
    network = DiffusionNeuralOperator(2, times, width=32, multipliers=(1,), kernel_size=1)
    recipe = Recipe(batch=128, weight_decay=0.0)
    fit(network, x[:3000], y[:3000], steps=500, loss=nn.functional.mse_loss, recipe=recipe)
    with torch.no_grad():
        error = network(x[3000:]) - y[3000:]
    assert error.norm() <= 0.05 * y[3000:].norm()
    assert error[:, :, -1].norm() <= 0.05 * y[3000:, :, -1].norm()
