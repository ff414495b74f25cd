"""Photographs that the scikit-image wheel carries, and patches of them."""

from collections.abc import Sequence

import numpy as np

from circulant.core.errors import ArgumentError
from circulant.data.dataset import Examples
from circulant.data.installed import installed_file, require

SCENES = (  # files of skimage/data that are photographs
    "astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "grass.png",
    "gravel.png", "moon.png", "motorcycle_left.png", "rocket.jpg",
)  # fmt: skip


def scene(file_name: str, *, coloured: bool = False) -> Examples:
    """A photograph from 0 to 1, in grey (1, H, W) or in red, green and blue (3, H, W)."""
    require("PIL", "compare")
    from circulant.data.picture_file import Colour, read_picture, to_array

    picture = read_picture(installed_file("skimage", f"data/{file_name}"))
    return to_array(picture, Colour.RGB if coloured else Colour.GREY)


def scene_patches(
    side: int, count: int, seed: int, file_names: Sequence[str] = SCENES, *, coloured: bool = False
) -> Examples:
    """Squares drawn from the photographs, in turn: (count, 1 or 3, side, side) from 0 to 1."""
    scenes = [scene(name, coloured=coloured) for name in file_names]
    smallest = min((min(picture.shape[1:]) for picture in scenes), default=0)
    if not 1 <= side <= smallest:
        raise ArgumentError(f"expected side from 1 to {smallest} pixels and a picture or more, got {side}")
    drawn = np.random.default_rng(seed)
    patches = np.empty((count, 3 if coloured else 1, side, side), np.float32)
    for number in range(count):
        picture = scenes[number % len(scenes)]
        top, left = (int(drawn.integers(size - side + 1)) for size in picture.shape[1:])
        patches[number] = picture[:, top : top + side, left : left + side]
    return patches
