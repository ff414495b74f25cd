"""Spatial reinforcement: how far its branches see, and what it adds to the deviation from the mean."""

import pytest
import torch

from circulant.core.tolerances import assert_close
from circulant.operators.spatial.spatial_reinforcement_mixer2d import SpatialReinforcementMixer2d

C, SIDE = 16, 15


def operator(**settings) -> SpatialReinforcementMixer2d:
    torch.manual_seed(0)
    return SpatialReinforcementMixer2d(C, dtype=torch.float64, **settings).eval()


@pytest.mark.parametrize("depthwise", [True, False])
def test_without_reinforcement_the_far_branch_meets_9x9_samples_and_the_near_one_3x3(depthwise):
    module = operator(depthwise=depthwise)
    torch.nn.init.zeros_(module.gain)  # the mean over the picture is global
    for parameter in (module.near.weight, module.middle.weight, module.far.weight):
        torch.nn.init.ones_(parameter)
    impulse = torch.zeros(1, C // 2, SIDE, SIDE, dtype=torch.float64)
    impulse[..., 7, 7] = 1
    z = module.reinforced(impulse)
    for seen, reach in ((module.near(z), 1), (module.far(module.middle(z)), 4)):
        places = seen[0, 0].nonzero()
        assert places.min(0).values.tolist() == [7 - reach] * 2
        assert places.max(0).values.tolist() == [7 + reach] * 2
    assert (module.far(module.middle(z))[0, 0] != 0).sum() == 25  # every other sample of 9 x 9


def test_reinforcement_scales_what_differs_from_the_mean():
    module, z = operator(), torch.randn(2, C // 2, 5, 6, dtype=torch.float64)
    torch.nn.init.normal_(module.gain)
    mean = z.mean((2, 3), keepdim=True)
    assert_close(module.reinforced(z), z + module.gain[:, None, None] * (z - mean))


def test_gains_start_at_almost_nothing():
    assert operator().gain.unique().tolist() == [1e-5]


def test_dense_kernels_have_as_many_weights_as_channels_times_channels():
    half = C // 2
    for depthwise, inputs in ((True, 1), (False, half)):
        module = operator(depthwise=depthwise)
        for conv in (module.near, module.middle, module.far):
            assert conv.weight.shape == (half, inputs, 3, 3)
