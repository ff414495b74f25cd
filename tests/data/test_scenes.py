"""Photographs of scikit-image, as they are, and patches that repeat with their seed."""

import numpy as np
import pytest
from skimage import data as skimage_data

from circulant.core.errors import ArgumentError
from circulant.data.scenes import SCENES, scene, scene_patches


def test_a_scene_is_the_picture_of_scikit_image():
    np.testing.assert_array_equal(scene("camera.png")[0], skimage_data.camera().astype(np.float32) / 255)


def test_patches_are_parts_of_their_pictures_in_turn_and_repeat_with_the_seed():
    patches = scene_patches(16, 4, 3, ("camera.png", "coins.png"))
    assert patches.shape == (4, 1, 16, 16)
    np.testing.assert_array_equal(patches, scene_patches(16, 4, 3, ("camera.png", "coins.png")))
    assert not np.array_equal(patches, scene_patches(16, 4, 4, ("camera.png", "coins.png")))
    coins = scene("coins.png")[0]
    windows = np.lib.stride_tricks.sliding_window_view(coins, (16, 16))
    assert (windows == patches[1, 0]).all((2, 3)).any()


def test_every_scene_is_there_and_has_contrast():
    assert all(scene(name).std() > 0.05 for name in SCENES)


@pytest.mark.parametrize("side", [0, 10_000])
def test_a_side_that_does_not_fit_is_refused(side):
    with pytest.raises(ArgumentError, match="side from 1 to"):
        scene_patches(side, 2, 0)
