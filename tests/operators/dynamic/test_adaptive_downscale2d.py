"""Adaptive downscaling: known kernels are known filters, and kernels that learn beat a fixed one."""

import pytest
import torch
import torch.nn.functional as F
from skimage import data

from circulant.core.errors import ShapeError
from circulant.core.tolerances import assert_close
from circulant.operators.dynamic.adaptive_downscale2d import AdaptiveDownscale2d, downscale


def picture(height=12, width=16):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 3, height, width, dtype=torch.float64, generator=generator)


def everywhere(kernel, x, scale):
    out = (x.shape[2] // scale, x.shape[3] // scale)
    return kernel.flatten()[None, None, :, None, None].expand(*x.shape[:2], -1, *out)


@pytest.mark.parametrize("scale", [2, 4])
def test_box_kernels_are_area_downscaling(scale):
    x, box = picture(), torch.full((scale, scale), 1 / scale**2, dtype=torch.float64)
    assert_close(downscale(x, everywhere(box, x, scale), scale), F.avg_pool2d(x, scale))


@pytest.mark.parametrize("scale", [2, 4])
def test_bicubic_kernels_are_bicubic_downscaling_inside(scale):
    x, size = picture(32, 40), 4 * scale
    u = ((torch.arange(size, dtype=torch.float64) + 0.5) / scale - 2).abs()
    near, far = 1.5 * u**3 - 2.5 * u**2 + 1, -0.5 * u**3 + 2.5 * u**2 - 4 * u + 2
    line = torch.where(u <= 1, near, far)
    line = line / line.sum()
    expected = F.interpolate(x, scale_factor=1 / scale, mode="bicubic", antialias=True)
    got = downscale(x, everywhere(torch.outer(line, line), x, scale), scale)
    assert_close(got[..., 2:-2, 2:-2], expected[..., 2:-2, 2:-2], 1e-6)


def test_it_is_the_sum_over_a_window_of_each_pixel_and_channel():
    x, (s, k) = picture(4, 6), (2, 3)
    kernels = torch.randn(2, 3, k * k, 2, 3, dtype=torch.float64)
    outer = F.pad(x, (0, 1, 0, 1), mode="replicate")
    expected = torch.zeros(2, 3, 2, 3, dtype=torch.float64)
    for b, c, i, j in torch.cartesian_prod(*map(torch.arange, expected.shape)).tolist():
        window = outer[b, c, s * i : s * i + k, s * j : s * j + k]
        expected[b, c, i, j] = (kernels[b, c, :, i, j] * window.flatten()).sum()
    assert_close(downscale(x, kernels, s), expected)


def test_kernels_differ_by_channel_and_place_and_are_weighted_means():
    torch.manual_seed(0)
    module = AdaptiveDownscale2d(3, 2, 4, width=8, depth=1, generator_depth=1)
    kernels = module.kernels(picture().float())
    assert kernels.min() > 0
    assert_close(kernels.sum(2), torch.ones(2, 3, 6, 8))
    assert (kernels[:, 0] - kernels[:, 1]).abs().max() > 1e-3
    assert (kernels[..., 2, 3] - kernels[..., 4, 5]).abs().max() > 1e-3


def test_kernels_that_do_not_fit_are_refused():
    x = picture()
    with pytest.raises(ShapeError, match="with k of 2 or more"):
        downscale(x, torch.ones(2, 3, 5, 6, 8, dtype=torch.float64), 2)


def blurred_by_place(x, scale):
    """Box means whose size depends on the brightness around: what a fixed kernel cannot do."""
    narrow = F.avg_pool2d(x, scale)
    wide = F.avg_pool2d(F.pad(x, (2, 2, 2, 2), mode="replicate"), scale + 4, scale)
    share = torch.sigmoid(20 * (narrow.mean(1, keepdim=True) - 0.45))
    return share * wide + (1 - share) * narrow


def decibel(got, wanted):
    return -10 * torch.log10((got - wanted).square().mean())


@pytest.mark.slow
def test_trained_on_a_blur_that_depends_on_the_place_it_beats_bicubic_downscaling():
    torch.manual_seed(0)
    image = torch.from_numpy(data.astronaut()).permute(2, 0, 1)[None].float() / 255
    tiles = F.unfold(image, 32, stride=32).view(3, 32, 32, -1).permute(3, 0, 1, 2)
    order = torch.randperm(len(tiles))
    held, seen = tiles[order[:64]], tiles[order[64:]]
    module = AdaptiveDownscale2d(3, 2, 6, width=12, depth=1, generator_depth=1)
    optimiser = torch.optim.Adam(module.parameters(), lr=3e-3)
    for step in range(150):
        x = seen[torch.arange(16 * step, 16 * step + 16) % len(seen)]
        optimiser.zero_grad()
        F.l1_loss(module(x), blurred_by_place(x, 2)).backward()
        optimiser.step()
    wanted = blurred_by_place(held, 2)
    bicubic = F.interpolate(held, scale_factor=0.5, mode="bicubic", antialias=True)
    with torch.no_grad():
        assert decibel(module(held), wanted) > decibel(bicubic, wanted) + 1
