"""Global-local filter: beside torch.fft, and what the gains of another grid are."""

import pytest
import torch
import torch.nn.functional as F

from circulant.core.tolerances import assert_close
from circulant.operators.spatial.global_local_filter2d import GlobalLocalFilter2d


def shaken() -> GlobalLocalFilter2d:
    torch.manual_seed(0)
    module = GlobalLocalFilter2d(6, (8, 7), dtype=torch.float64)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter)
    return module


@pytest.mark.parametrize("spatial", [(8, 7), (8, 6), (5, 9), (1, 12), (7, 1)])
def test_halves_are_filtered_apart_and_interleaved(spatial):
    module = shaken()
    x = torch.randn(2, 6, *spatial, dtype=torch.float64)
    z = F.layer_norm(x.movedim(1, -1), (6,), module.before.weight, module.before.bias, 1e-6).movedim(-1, 1)
    near = F.conv2d(z[:, :3], module.local.weight, padding=1, groups=3)
    bins = (spatial[0], spatial[1] // 2 + 1)
    gains = module.weight
    if bins != (8, 4):
        gains = F.interpolate(gains.permute(3, 0, 1, 2), bins, mode="bilinear", align_corners=True)
        gains = gains.permute(1, 2, 3, 0).contiguous()
    spectrum = torch.fft.rfft2(z[:, 3:], norm="ortho") * torch.view_as_complex(gains)
    far = torch.fft.irfft2(spectrum, s=spatial, norm="ortho")
    y = torch.stack([near, far], 2).flatten(1, 2).movedim(1, -1)
    expected = F.layer_norm(y, (6,), module.after.weight, module.after.bias, 1e-6).movedim(-1, 1)
    assert_close(module(x), expected)


def test_gains_of_the_stored_grid_are_the_parameter_itself():
    module = shaken()
    assert module.gains((8, 7)) is module.weight
    assert module.gains((8, 6)) is module.weight  # as many frequencies
    finer = module.gains((15, 12))
    assert finer.shape == (3, 15, 7, 2)
    assert_close(finer[:, ::2, ::2], module.weight)


def test_gains_start_within_two_fiftieths_by_far():
    torch.manual_seed(0)
    weight = GlobalLocalFilter2d(64, 16).weight
    assert weight.std().item() == pytest.approx(0.02, rel=0.05)
