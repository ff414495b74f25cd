"""Pairs of crops and what is left of them, the bicubic baseline, and the measure of both."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from circulant.core.errors import ArgumentError, ShapeError
from circulant.data.restoration import (
    HELD_OUT_SCENES,
    TRAINING_SCENES,
    bicubic,
    psnr,
    restoration_pairs,
    super_resolution_pairs,
)
from circulant.data.scenes import SCENES, scene_patches


def test_training_and_held_out_pictures_are_apart_and_all_there_are():
    assert not set(TRAINING_SCENES) & set(HELD_OUT_SCENES)
    assert set(TRAINING_SCENES) | set(HELD_OUT_SCENES) == set(SCENES)


@pytest.mark.parametrize(("coloured", "channels"), [(False, 1), (True, 3)])
def test_super_resolution_pairs_are_crops_and_their_reductions(coloured, channels):
    pairs = super_resolution_pairs(3, 8, 4, 5, ("coffee.png", "moon.png"), coloured=coloured)
    assert pairs.x.shape == (4, channels, 8, 8)
    crops = scene_patches(24, 4, 5, ("coffee.png", "moon.png"), coloured=coloured)
    np.testing.assert_array_equal(pairs.y, crops)
    np.testing.assert_array_equal(pairs.x, bicubic(crops, 8, 8))


def test_any_degradation_makes_pairs():
    pairs = restoration_pairs(lambda sharp: sharp / 2, 12, 3, 0)
    np.testing.assert_array_equal(pairs.x, pairs.y / 2)


@pytest.mark.parametrize("size", [(12, 10), (36, 30)])
def test_the_bicubic_baseline_is_torchs_antialiased_cubic(size):
    pictures = np.random.default_rng(0).random((2, 3, 24, 20), np.float32)
    theirs = F.interpolate(
        torch.from_numpy(pictures), size, mode="bicubic", antialias=True, align_corners=False
    )
    np.testing.assert_allclose(bicubic(pictures, *size), theirs.numpy(), atol=2e-6)


def test_psnr_of_a_known_error_is_known_and_borders_and_excess_do_not_count():
    sharp = np.full((2, 1, 6, 8), 0.5, np.float32)
    restored = sharp + np.array([0.1, 0.01], np.float32).reshape(2, 1, 1, 1)
    assert psnr(restored, sharp) == pytest.approx((20 + 40) / 2, abs=1e-3)
    restored[..., 0] = restored[:, :, 0] = 7
    assert psnr(restored, sharp, border=1) == pytest.approx(30, abs=1e-3)
    assert psnr(np.full_like(sharp, 9), sharp) == pytest.approx(psnr(np.ones_like(sharp), sharp))


def test_what_cannot_be_compared_or_cut_is_refused():
    with pytest.raises(ShapeError, match="one shape"):
        psnr(np.zeros((1, 1, 4, 4)), np.zeros((1, 1, 5, 4)))
    with pytest.raises(ArgumentError, match="leaves pixels"):
        psnr(np.zeros((1, 1, 4, 4)), np.zeros((1, 1, 4, 4)), border=2)
    with pytest.raises(ArgumentError, match="factor and side"):
        super_resolution_pairs(0, 4, 1, 0)
