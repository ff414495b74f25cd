"""What the regularised long kernel must hold beyond the contract."""

import pytest
import torch

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.engine.choice import use
from circulant.functional import AlgorithmName
from circulant.operators.sequence.long_conv1d import INITIAL_SCALE, LongConv1d


def built(*args, **kwargs):
    torch.manual_seed(0)
    return LongConv1d(*args, dtype=torch.float64, **kwargs)


@pytest.mark.parametrize("length", [2**n for n in range(4, 15, 2)])
def test_the_transform_equals_the_direct_causal_sum(length):
    module = built(2, length)
    x = torch.randn(1, 2, length, dtype=torch.float64)
    with torch.no_grad(), use(algorithm=AlgorithmName.FFT):
        y = module(x)
    k = module.impulse_response().detach()
    positions = torch.linspace(0, length - 1, 16).long()
    expected = torch.stack(
        [(k[:, : l + 1] * x[0, :, : l + 1].flip(-1)).sum(-1) for l in positions.tolist()], dim=-1
    )
    assert_close(y[0, :, positions], expected + module.skip.detach()[:, None] * x[0, :, positions], 1e-9)


def test_squashing_is_the_proximal_map_of_the_l1_norm():
    level = 0.015
    module = built(3, 40, squash=level)
    candidates = torch.linspace(-0.1, 0.1, 20_001, dtype=torch.float64)
    with torch.no_grad():
        for tap, squashed in zip(module.kernel.flatten(), module.impulse_response().flatten()):
            energy = 0.5 * (candidates - tap) ** 2 + level * candidates.abs()
            assert abs(candidates[energy.argmin()] - squashed) <= 1.01e-5


def test_smoothing_is_a_moving_average_of_the_kernel_with_zeros_outside():
    module = built(1, 10, squash=0.0, smooth_width=7)
    with torch.no_grad():
        module.kernel.zero_()[0, 2] = 7.0
        assert module.impulse_response()[0].tolist() == [1.0] * 6 + [0.0] * 4


@pytest.mark.parametrize("squash", [INITIAL_SCALE, 0.1])
def test_a_squash_level_that_would_kill_the_initial_kernel_is_refused(squash):
    with pytest.raises(ArgumentError, match="squash from 0 to below"):
        LongConv1d(2, 8, squash=squash)


def test_the_initial_kernel_survives_the_highest_published_squash_level_and_learns():
    module = built(4, 64, squash=0.004)
    module(torch.randn(2, 4, 64, dtype=torch.float64)).square().sum().backward()
    assert (module.impulse_response() != 0).double().mean() > 0.2
    assert (module.kernel.grad != 0).double().mean() > 0.2


def test_initial_taps_fade_faster_in_later_channels():
    module = built(32, 1024)
    with torch.no_grad():
        first, second = module.kernel.square().unflatten(1, (2, -1)).mean(-1).T
    kept = (second / first).sqrt()
    assert kept[:4].mean() > 0.4
    assert kept[-4:].mean() < 0.01


def test_kernel_dropout_drops_taps_in_training_only():
    module = built(8, 200, squash=0.0, kernel_dropout=0.3)
    dropped = module.train().impulse_response() == 0
    assert 0.25 < dropped.double().mean() < 0.35
    assert torch.equal(module.eval().impulse_response(), module.kernel)


@pytest.mark.parametrize("bad", [{"smooth_width": 2}, {"smooth_width": 0}, {"kernel_dropout": 1.0}])
def test_settings_that_mean_nothing_are_refused(bad):
    with pytest.raises(ArgumentError, match=next(iter(bad))):
        LongConv1d(2, 8, **bad)
