"""FreqFusion: its kernels are what they are called, and its parts are known filters in known cases."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from circulant.core.errors import ShapeError
from circulant.core.tolerances import assert_close
from circulant.models.freq_fusion import (
    AdaptiveHighPassGenerator2d,
    AdaptiveLowPassGenerator2d,
    FreqFusion2d,
    OffsetGenerator2d,
    enlarged,
    resampled,
    similarities,
    smoothed,
)
from circulant.train.fit import fit
from circulant.train.recipe import Recipe


def drawn(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("hamming", [True, False])
def test_low_pass_kernels_are_positive_and_sum_to_one_high_pass_ones_to_zero(hamming):
    low = AdaptiveLowPassGenerator2d(4, hamming=hamming).double()(drawn(2, 25, 6, 5))
    high = AdaptiveHighPassGenerator2d(4, hamming=hamming).double()(drawn(2, 9, 6, 5))
    assert low.min() > 0
    assert_close(low.sum(2), torch.ones_like(low[:, :, 0]))
    assert high.sum(2).abs().max() < 1e-12


def test_a_constant_stays_a_constant():
    kernels = AdaptiveLowPassGenerator2d(4).double()(drawn(1, 25, 8, 6))
    x = torch.full((1, 3, 4, 3), 2.0, dtype=torch.float64)
    assert_close(enlarged(x, kernels), torch.full((1, 3, 8, 6), 2.0, dtype=torch.float64))


@pytest.mark.parametrize("hamming", [True, False])
def test_equal_logits_are_a_windowed_mean_of_the_nearest_enlargement(hamming):
    x = drawn(2, 3, 5, 4)
    kernels = AdaptiveLowPassGenerator2d(4, hamming=hamming).double()(torch.zeros(2, 25, 10, 8).double())
    line = torch.hamming_window(5, periodic=False) if hamming else torch.ones(5)
    window = torch.outer(line, line).double()  # rounded as the module keeps it
    box = window / window.sum()
    mean = F.conv2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), box.expand(3, 1, 5, 5), groups=3)
    assert_close(enlarged(x, kernels), F.interpolate(mean, scale_factor=2, mode="nearest"))


def test_reassembly_is_the_sum_over_the_window_of_each_samples_parent():
    x, kernels = drawn(1, 2, 3, 4), drawn(1, 1, 9, 6, 8, seed=1)
    outer, expected = F.pad(x, (1, 1, 1, 1), mode="reflect"), torch.zeros(1, 2, 6, 8).double()
    for c, i, j in torch.cartesian_prod(*map(torch.arange, (2, 6, 8))).tolist():
        window = outer[0, c, i // 2 : i // 2 + 3, j // 2 : j // 2 + 3]
        expected[0, c, i, j] = (window.flatten() * kernels[0, 0, :, i, j]).sum()
    assert_close(enlarged(x, kernels), expected)


def test_details_are_what_the_high_pass_kernels_give():
    generator, x, logits = (
        AdaptiveHighPassGenerator2d(4).double(),
        drawn(2, 3, 6, 5),
        drawn(2, 9, 6, 5, seed=1),
    )
    assert_close(generator.details(x, logits), smoothed(x, generator(logits)))


def test_without_offsets_resampling_is_the_identity_and_at_first_nearly_so():
    x = drawn(2, 8, 6, 8)
    assert torch.equal(resampled(x, torch.zeros(2, 4, 2, 6, 8).double()), x)
    generator = OffsetGenerator2d(16).double()
    fine, coarse = drawn(2, 16, 6, 8), drawn(2, 16, 3, 4)
    assert generator.offsets(fine, coarse).abs().max() < 0.1
    for layer in (generator.fine, generator.coarse):
        nn.init.zeros_(layer.weight)
    assert torch.equal(generator(fine, coarse, x), x)


def test_places_beyond_the_border_read_the_border_as_torchs_sampler_does():
    x, offset = drawn(1, 2, 5, 6), 4 * drawn(1, 1, 2, 5, 6, seed=1)
    rows = torch.arange(5).double()[:, None] + offset[0, 0, 0]
    columns = torch.arange(6).double() + offset[0, 0, 1]
    grid = torch.stack([(2 * columns + 1) / 6 - 1, (2 * rows + 1) / 5 - 1], -1)[None]
    expected = F.grid_sample(x, grid, padding_mode="border", align_corners=False)
    assert_close(resampled(x, offset), expected)


def test_similarities_are_cosines_to_the_neighbours_two_samples_away():
    x = drawn(1, 3, 6, 5)
    got = similarities(x)
    assert got.shape == (1, 8, 6, 5)
    assert_close(got[0, 0, 3, 2], F.cosine_similarity(x[0, :, 3, 2], x[0, :, 1, 0], dim=0))
    assert_close(got[0, 7, 3, 2], F.cosine_similarity(x[0, :, 3, 2], x[0, :, 5, 4], dim=0))
    assert got[0, 0, 0, 0] == 0


@pytest.mark.parametrize("resample", [False, True])
def test_both_maps_come_back_on_the_fine_grid_and_every_parameter_learns(resample):
    torch.manual_seed(0)
    module = FreqFusion2d(4, 8, compressed=16, resample=resample).double()
    for generator in (module.low, module.high):
        nn.init.normal_(generator.encode.weight, std=0.1)
    fine, large = module(drawn(2, 4, 8, 6), drawn(2, 8, 4, 3))
    assert (fine.shape, large.shape) == ((2, 4, 8, 6), (2, 8, 8, 6))
    (fine.square().sum() + large.square().sum()).backward()
    assert [name for name, value in module.named_parameters() if value.grad is None] == []


def test_maps_that_are_not_twice_as_large_are_refused():
    with pytest.raises(ShapeError, match="fine of twice coarse's size"):
        FreqFusion2d(4, 8)(torch.zeros(1, 4, 8, 7), torch.zeros(1, 8, 4, 3))


def two_textures(count: int, side: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures (count, 1, side, side) with stripes along rows or columns, and where they lie along rows.

    A wavy line parts them; shades differ across it, but which is brighter tells nothing about the stripes.
    """
    generator = torch.Generator().manual_seed(seed)

    def uniform() -> torch.Tensor:
        return torch.rand(count, 1, 1, generator=generator)

    angle, _, phase = (2 * torch.pi * uniform() for _ in range(3))
    columns = torch.arange(side).float()
    rows, middle = columns[:, None], side / 2
    along = (columns - middle) * angle.cos() + (rows - middle) * angle.sin()
    across = (rows - middle) * angle.cos() - (columns - middle) * angle.sin()
    mask = along + 3 * torch.sin(across / 4 + phase) > 0
    stripes = [torch.sin(2 * torch.pi * (axis / 4 + uniform())) for axis in (rows, columns)]
    x = torch.where(mask, *stripes) + 4 * torch.where(mask, uniform(), uniform())
    return (x + 0.3 * torch.randn(x.shape, generator=generator))[:, None], mask.long()


def boundary_iou(found: torch.Tensor, truth: torch.Tensor, reach: int = 2) -> float:
    """Intersection over union of the samples that lie within reach of the end of their region."""

    def rim(mask: torch.Tensor) -> torch.Tensor:
        outside = F.pad((1.0 - mask)[:, None], (reach,) * 4, mode="replicate")
        return (mask > 0) & (F.max_pool2d(outside, 2 * reach + 1, 1)[:, 0] > 0)

    a, b = rim(found.float()), rim(truth.float())
    return ((a & b).sum() / (a | b).sum()).item()


class Segmenter(nn.Module):
    """A fine map and a coarse one that sees further; both are joined and read by one 1x1 layer."""

    def __init__(self, *, adaptive: bool) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU())
        self.deep = nn.Sequential(
            nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU(),
            nn.Conv2d(16, 16, 3, padding=2, dilation=2), nn.ReLU(),
            nn.Conv2d(16, 8, 3, padding=1),
        )  # fmt: skip
        self.join = FreqFusion2d(8, 8, compressed=8) if adaptive else None
        self.read = nn.Conv2d(8, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        fine = self.stem(x)
        coarse = self.deep(fine)
        if self.join is None:
            return self.read(fine + F.interpolate(coarse, scale_factor=2, mode="bilinear"))
        return self.read(sum(self.join(fine, coarse)))


def test_boundary_iou_sees_the_boundary_alone():
    truth = torch.zeros(1, 12, 12).long()
    truth[..., 6:] = 1
    assert boundary_iou(truth, truth) == 1
    moved = truth.roll(1, 2)  # by one column of the two that count
    assert boundary_iou(moved[..., 1:], truth[..., 1:]) == pytest.approx(1 / 3)


@pytest.mark.slow
def test_it_finds_the_boundary_between_two_textures_better_than_adding_bilinearly_does():
    (x, y), (seen, known) = two_textures(256, 24, 0), two_textures(64, 24, 1)
    scores = {}
    for adaptive in (False, True):
        torch.manual_seed(0)
        network = Segmenter(adaptive=adaptive)
        fit(network, x, y, steps=100, loss=F.cross_entropy, recipe=Recipe(batch=16))
        with torch.no_grad():
            scores[adaptive] = boundary_iou(network(seen).argmax(1), known)
    assert scores[False] > 0.3
    assert scores[True] > scores[False] + 0.02
