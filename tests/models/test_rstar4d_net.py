"""RSTAR4DNet: from slices to volumes with the same weights, a ring of phases, and streaks taken out."""

from itertools import islice, pairwise

import numpy as np
import pytest
import torch

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.data.rotating_streaks import StreakFilms, rotating_streaks
from circulant.data.tetris_sampler import tetris_sampler
from circulant.models.rstar4d_net import RSTAR4DNet, SeparableUnit4d, with_prior
from circulant.train.fit import fit
from circulant.train.recipe import Recipe
from circulant.train.structural_similarity import absolute_and_structural_loss

PHASES, DEPTH, SIDE = 4, 4, 16
STEPS = (120, 40)  # on slices, on volumes
RECIPES = (Recipe(batch=8), Recipe(batch=8, learning_rate=2e-3))


def film(*sizes: int) -> torch.Tensor:
    return torch.randn(1, 2, *sizes, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def network(**settings) -> RSTAR4DNet:
    torch.manual_seed(0)
    return RSTAR4DNet(2, **settings).double().eval()


def test_a_unit_is_two_separable_convolutions_and_a_leaky_bend():
    torch.manual_seed(0)
    unit = SeparableUnit4d(2, 3, planar=False).double()
    x = film(3, 2, 4, 4)
    y = unit.second(unit.first(x))
    assert_close(unit(x), torch.where(y > 0, y, 0.2 * y))


@pytest.mark.parametrize("sizes", [(3, 4, 16, 16), (2, 5, 11, 14), (4, 1, 8, 9)])
@pytest.mark.parametrize("planar", [True, False])
def test_films_of_any_size_keep_it(sizes, planar):
    assert network(planar=planar)(film(*sizes)).shape == (1, 1, *sizes)


@pytest.mark.parametrize("planar", [True, False])
def test_rolling_the_phases_rolls_the_output(planar):
    module, x = network(planar=planar), film(5, 4, 16, 16)
    assert_close(module(x.roll(2, 2)), module(x).roll(2, 2))


def test_on_slices_alone_no_slice_hears_of_another():
    module, x = network(planar=True), film(3, 3, 16, 16)
    slices = [module(x[:, :, :, d, None]) for d in range(3)]
    assert_close(module(x), torch.cat(slices, 3))


def test_the_deepened_network_starts_as_the_planar_one_on_every_second_slice():
    planar, x = network(planar=True), film(3, 4, 16, 16)
    deep = planar.deepened()
    expected = planar(x[:, :, :, ::2]).repeat_interleave(2, 3)
    assert_close(deep(x), expected)
    with pytest.raises(ArgumentError, match="planar=True"):
        deep.deepened()


def test_after_training_across_slices_they_hear_of_each_other():
    module, x = network(), film(3, 4, 16, 16).requires_grad_()
    (gradient,) = torch.autograd.grad(module(x)[:, :, :, 0].sum(), x)
    assert gradient[:, :, :, 3].any()


def test_widths_are_16_to_128_as_published():
    """17 separable units and one at the end, four strided pairs."""
    with torch.device("meta"):
        module = RSTAR4DNet()
    wide = {name: tuple(p.shape) for name, p in module.named_parameters() if name.endswith("within.weight")}
    assert sorted(shape[:2] for shape in wide.values()) == [(16, 2), (32, 16), (64, 32), (128, 64)]

    def unit(i, o):
        return 15 * (i * o + o * o) + 2 * 3 * o

    def shrink(i, o):
        return 9 * i * o + o + 3 * o * o + o

    widths = (16, 32, 64, 128)
    total = shrink(2, 16) + sum(2 * unit(w, w) for w in widths) + unit(16, 1)
    for fine, coarse in pairwise(widths):
        total += shrink(fine, coarse) + 2 * unit(coarse, fine) + unit(fine, fine)
    assert sum(p.numel() for p in module.parameters()) == total


def test_the_prior_is_the_same_for_all_phases():
    x = with_prior(torch.zeros(2, 1, 3, 2, 4, 4), torch.ones(2, 1, 2, 4, 4))
    assert x.shape == (2, 2, 3, 2, 4, 4)
    assert torch.equal(x[:, 1], torch.ones(2, 3, 2, 4, 4))
    with pytest.raises(ShapeError, match="image and prior"):
        network()(torch.zeros(1, 1, 3, 2, 4, 4, dtype=torch.float64))


def stacked(films: StreakFilms) -> list[np.ndarray]:
    """Streaked, prior and clean (3, T, D, H, W) of each film."""
    prior = np.broadcast_to(films.prior[:, :, None], films.streaked.shape)
    return list(np.concatenate((films.streaked, prior, films.clean), 1))


def blocks(films: StreakFilms, size: tuple[int, ...], count: int) -> tuple[torch.Tensor, torch.Tensor]:
    drawn = np.stack(list(islice(tetris_sampler(stacked(films), (size,), seed=0), count)))
    both = torch.from_numpy(drawn)
    return both[:, :2], both[:, 2:]


def psnr(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return (10 * torch.log10(wanted.max() ** 2 / (found - wanted).square().mean())).item()


@pytest.mark.slow
def test_streaks_are_taken_out_of_unseen_films_in_two_stages():
    known, unseen = rotating_streaks(24, PHASES, DEPTH, SIDE, 1), rotating_streaks(6, PHASES, DEPTH, SIDE, 2)
    torch.manual_seed(0)
    planar = RSTAR4DNet(4, planar=True)
    loss = absolute_and_structural_loss
    fit(planar, *blocks(known, (1, SIDE, SIDE), 96), steps=STEPS[0], loss=loss, recipe=RECIPES[0])
    deep = planar.deepened()
    fit(deep, *blocks(known, (DEPTH, SIDE, SIDE), 24), steps=STEPS[1], loss=loss, recipe=RECIPES[1])
    streaked, clean = torch.from_numpy(unseen.streaked), torch.from_numpy(unseen.clean)
    prior = torch.from_numpy(unseen.prior)
    with torch.no_grad():
        corrected = deep(with_prior(streaked, prior))
    before, after = psnr(streaked, clean), psnr(corrected, clean)
    assert after >= before + 3, (before, after)
