"""Region adaptive convolution: its kernels, its regions, and the same layer with and without a mask."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from circulant.core.errors import DtypeError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.operators.dynamic.region_adaptive_conv2d import RegionAdaptiveConv2d
from circulant.operators.dynamic.region_prototypes import (
    grid_means,
    region_means,
    spread_grid,
    spread_regions,
)

C, H, W = 3, 6, 5


def operator(**settings) -> RegionAdaptiveConv2d:
    torch.manual_seed(0)
    return RegionAdaptiveConv2d(C, dtype=torch.float64, **settings)


def picture() -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, C, H, W, dtype=torch.float64, generator=generator)


def mask() -> torch.Tensor:
    """Regions 0 to 3; the second picture has no region 2."""
    regions = torch.randint(0, 4, (2, H, W), generator=torch.Generator().manual_seed(2))
    regions[1][regions[1] == 2] = 0
    return regions


def joined(module: RegionAdaptiveConv2d, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """What is left after the kernels of each place."""
    return x + module.project(z * module.gate(z.mean((2, 3), keepdim=True)).sigmoid())


@pytest.mark.parametrize("regions", [None, mask()])
def test_equals_explicit_loops_over_places_channels_and_taps(regions):
    module, x = operator(grid=2), picture()
    codes = module.prototypes(x, regions)
    spread = spread_grid(codes, (H, W)) if regions is None else spread_regions(codes, regions)
    h = module.embed(x)
    weight = torch.cat([module.mix.weight, module.mix_prototype.weight], 1)
    made = F.leaky_relu(F.conv2d(torch.cat([h, spread], 1), weight, module.mix.bias), 0.1)
    kernel = module.span(F.leaky_relu(module.gather(made), 0.1)).view(2, C, 3, 3, H, W)
    z = torch.zeros_like(x)
    for b in range(2):
        for c in range(C):
            for p in range(H):
                for q in range(W):
                    for i in range(3):
                        for j in range(3):
                            u, v = p + i - 1, q + j - 1
                            if 0 <= u < H and 0 <= v < W:
                                z[b, c, p, q] += kernel[b, c, i, j, p, q] * h[b, c, u, v]
    assert_close(module(x, regions), joined(module, x, z), 1e-10)


def test_kernels_that_are_alike_everywhere_are_a_depthwise_convolution():
    module, x = operator(), picture()
    nn.init.zeros_(module.span.weight)
    kernel = module.span.bias.view(C, 1, 3, 3)
    z = F.conv2d(module.embed(x), kernel, padding=1, groups=C)
    assert_close(module(x), joined(module, x, z))


def test_a_prototype_is_its_regions_mean_and_its_map_is_constant_there():
    x, regions = picture(), mask()
    spread = spread_regions(region_means(x, regions), regions)
    for b in range(2):
        for region in regions[b].unique():
            inside = regions[b] == region
            mean = x[b][:, inside].mean(1, keepdim=True)
            assert_close(spread[b][:, inside], mean.expand(-1, int(inside.sum())))


def test_a_region_that_a_picture_lacks_is_zero():
    assert torch.equal(region_means(picture(), mask())[1, :, 2], torch.zeros(C, dtype=torch.float64))


def test_one_cell_is_one_region_that_is_everywhere():
    module, x = operator(grid=1), picture()
    everywhere = torch.zeros(2, H, W, dtype=torch.int64)
    assert_close(module.prototypes(x, everywhere), module.prototypes(x)[..., 0])
    assert_close(module(x, everywhere), module(x))


def test_cells_cover_the_picture():
    x = picture()
    assert_close(grid_means(x, 2)[:, :, 0, 0], x[:, :, :3, :3].mean((2, 3)))
    assert torch.equal(
        spread_grid(grid_means(x, 1), (H, W))[..., 0, 0], spread_grid(grid_means(x, 1), (H, W))[..., 5, 4]
    )


def test_pixels_outside_a_region_leave_its_prototype_alone_but_not_what_is_computed_there():
    module, x, regions = operator(), picture(), mask()
    other = torch.where((regions == 1)[:, None], x, x + 1)
    before, after = module.prototypes(x, regions), module.prototypes(other, regions)
    assert torch.equal(before[..., 1], after[..., 1])
    assert (before[..., 0] - after[..., 0]).abs().max() > 1e-3
    inside = (regions == 1)[:, None].expand_as(x)
    assert (module(x, regions) - module(other, regions))[inside].abs().max() > 1e-3


def test_parameters_do_not_depend_on_the_number_of_regions():
    counts = {
        sum(parameter.numel() for parameter in RegionAdaptiveConv2d(8, grid=grid, device="meta").parameters())
        for grid in (1, 4, 9)
    }
    C, k2, narrow = 8, 9, 4
    pairs = 2 * (2 * (C * C + C)) + (C * narrow + narrow + narrow * C + C)
    assert counts == {pairs + (C * C + C) + C * C + (C * C * k2 + C) + (C * k2 * k2 + C * k2) + (C * C + C)}


def test_trained_with_masks_it_runs_without():
    module, x, regions = operator().train(), picture(), mask()
    target = picture().flip(2)
    optimiser = torch.optim.Adam(module.parameters(), lr=0.01)
    losses = []
    for _ in range(20):
        optimiser.zero_grad()
        loss = ((module(x, regions) - target) ** 2).mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    with torch.no_grad():
        y = module.eval()(x)
    assert y.shape == x.shape and y.isfinite().all()


def test_prototypes_may_come_from_elsewhere_as_a_decoder_has_them():
    module, x = operator(), picture()
    assert torch.equal(module(x, prototypes=module.prototypes(x)), module(x))
    assert torch.equal(module(x, mask(), module.prototypes(x, mask())), module(x, mask()))


def test_regions_that_do_not_fit_are_refused():
    module, x = operator(), picture()
    with pytest.raises(ShapeError, match="expected regions"):
        module(x, mask()[:1])
    with pytest.raises(DtypeError, match="int64"):
        module(x, mask().int())
