"""A video network that sees where things go."""

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.models.far import FAR
from circulant.train.fit import fit
from circulant.train.predict import predict
from circulant.train.recipe import Recipe

SMALL = {
    "inner": (16, 24, 32, 48),
    "outer": (8, 12, 16, 24),
    "depths": (1, 1, 1, 1),
    "head": 64,
    "dropout": 0.0,
}
WAYS = ((0, 1), (0, -1), (1, 0), (-1, 0))


def test_by_default_it_has_the_parameters_of_x3d_m():
    with torch.device("meta"):
        network = FAR(400)
    assert round(sum(parameter.numel() for parameter in network.parameters()) / 1e6, 1) == 3.8
    assert (
        len([module for module in network.modules() if isinstance(module, nn.Conv3d)]) == 2 + 3 * 26 + 4 + 1
    )


def test_the_fourier_parts_stand_after_the_second_stage_and_add_no_parameters():
    torch.manual_seed(0)
    network, plain = FAR(4, 1, **SMALL).double().eval(), FAR(4, 1, **SMALL, plain=True).double().eval()
    plain.load_state_dict(network.state_dict())
    x = torch.randn(2, 1, 4, 32, 32, dtype=torch.float64)
    early = network.early(network.stem(x))
    assert early.shape == (2, 12, 4, 4, 4)
    joined = network.attention(early) + network.disentangle(early)
    assert_close(network(x), plain.head(plain.late(joined)))
    assert (network(x) - plain(x)).abs().max() > 1e-6


def moving_digits(count, seed, frames=8, side=24):
    """Clips of a digit that goes right, left, down or up over a noisy picture, and which way it goes."""
    generator = torch.Generator().manual_seed(seed)
    digits = torch.tensor(load_digits().images).float() / 16
    background = 0.2 * torch.rand(count, 1, 1, side, side, generator=generator)
    clips = background.repeat(1, 1, frames, 1, 1)
    ways = torch.randint(len(WAYS), (count,), generator=generator)
    for clip, way in zip(clips[:, 0], ways):
        digit = digits[torch.randint(len(digits), (), generator=generator)]
        top, left = torch.randint(side, (2,), generator=generator).tolist()
        down, right = WAYS[way]
        for t, frame in enumerate(clip):
            rows = (torch.arange(8) + top + 2 * t * down) % side
            columns = (torch.arange(8) + left + 2 * t * right) % side
            frame[rows[:, None], columns] = torch.maximum(frame[rows[:, None], columns], digit)
    return clips, ways


@pytest.mark.slow
def test_it_tells_which_way_digits_move():
    x, y = moving_digits(2000, seed=0)
    unseen, wanted = moving_digits(300, seed=1)
    torch.manual_seed(0)
    network = FAR(4, 1, **SMALL)
    fit(network, x, y, steps=250, recipe=Recipe())
    assert (predict(network, unseen) == wanted).float().mean() >= 0.9
