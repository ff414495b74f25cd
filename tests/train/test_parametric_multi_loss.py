"""Objectives and kernels are tied by one tuning, so that a knob moves its own objective."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.data.scenes import scene_patches
from circulant.models.residual import Residual
from circulant.operators.dynamic.tunable_conv import TunableConv2d, tune
from circulant.train.fit import fit
from circulant.train.parametric_multi_loss import ParametricMultiLoss, even_shares
from circulant.train.recipe import Recipe


def fidelity(y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """To the clean picture, the first of the target's channels."""
    return (y - target[:, :1]).square().mean((1, 2, 3))


def keeping(y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Of the noise: distance to the noisy picture, the second channel."""
    return (y - target[:, 1:]).square().mean((1, 2, 3))


def denoiser() -> nn.Module:
    torch.manual_seed(0)
    first = TunableConv2d(1, 8, 5, padding=2, bias=True)
    return Residual(nn.Sequential(first, nn.GELU(), TunableConv2d(8, 1, 5, padding=2, bias=True)))


def test_the_loss_is_the_sum_of_objectives_weighed_by_the_tuning_that_made_the_output():
    multi = ParametricMultiLoss(denoiser(), (fidelity, keeping))
    x, target = torch.randn(4, 1, 9, 8), torch.randn(4, 2, 9, 8)
    y, (first, activation, last) = multi(x), multi.network.branch
    assert first.tuning is last.tuning is multi.tuning
    assert_close(y, x + last(activation(first(x, multi.tuning)), multi.tuning))
    expected = multi.tuning[:, 0] * fidelity(y, target) + multi.tuning[:, 1] * keeping(y, target)
    assert_close(multi.loss(y, target), expected.mean())
    assert not torch.equal(multi.tuning, (multi(x), multi.tuning)[1])  # another batch, another tuning


def test_in_evaluation_mode_the_tuning_stays_as_it_was_set():
    multi = ParametricMultiLoss(denoiser(), (fidelity, keeping)).eval()
    x, tuning = torch.randn(2, 1, 6, 6), torch.tensor([0.9, 0.3])
    tune(multi.network, tuning)
    multi(x)
    assert multi.network.branch[0].tuning is tuning


def test_shares_sum_to_one_and_all_are_equally_likely():
    torch.manual_seed(0)
    shares = even_shares(20_000, 2, torch.device("cpu"))[:, 0]
    assert_close(even_shares(5, 3, torch.device("cpu")).sum(1), torch.ones(5))
    counts = torch.histc(shares, 10, 0, 1)
    assert (counts / 2000 - 1).abs().max() < 0.1


def test_no_objective_and_a_loss_before_a_forward_pass_are_refused():
    with pytest.raises(ArgumentError, match="one objective or more"):
        ParametricMultiLoss(denoiser(), ())
    with pytest.raises(ShapeError, match="P = 2"):
        ParametricMultiLoss(denoiser(), (fidelity,))
    multi = ParametricMultiLoss(denoiser(), (fidelity, keeping))
    with pytest.raises(ShapeError, match="forward in training mode before"):
        multi.loss(torch.randn(2, 1, 4, 4), torch.randn(2, 2, 4, 4))


@pytest.mark.slow
def test_each_knob_of_a_trained_denoiser_lowers_its_own_objective():
    clean = torch.from_numpy(scene_patches(16, 1024, 0))
    noisy = clean + 0.15 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    target, held = torch.cat([clean, noisy], 1), 128
    multi = ParametricMultiLoss(denoiser(), (fidelity, keeping))
    x, y = noisy[held:], target[held:]
    fit(multi, x, y, steps=400, loss=multi.loss, recipe=Recipe(batch=16))
    errors = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        tune(multi.network, torch.tensor([share, 1 - share]))
        with torch.no_grad():
            out = multi.network(noisy[:held])
        errors.append([objective(out, target[:held]).mean().item() for objective in (fidelity, keeping)])
    to_clean, to_noisy = zip(*errors)
    print(f"fidelity {to_clean}, keeping {to_noisy}, noise {0.15**2}")
    assert all(late < early for early, late in pairwise(to_clean))
    assert all(late > early for early, late in pairwise(to_noisy))
    assert to_clean[-1] < 0.6 * to_clean[0]
    assert to_noisy[0] < 0.6 * to_noisy[-1]
