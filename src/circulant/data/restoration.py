"""Crops of photographs beside what a camera or a channel left of them: pairs to learn restoration from."""

from collections.abc import Callable, Sequence

import numpy as np

from circulant.core.errors import ArgumentError, ShapeError
from circulant.data.dataset import Examples, Part
from circulant.data.installed import require
from circulant.data.scenes import SCENES, scene_patches

HELD_OUT_SCENES = ("camera.png", "chelsea.png", "coffee.png")  # a person, fur, and smooth shapes
TRAINING_SCENES = tuple(name for name in SCENES if name not in HELD_OUT_SCENES)

Degrade = Callable[[Examples], Examples]


def super_resolution_pairs(
    factor: int,
    side: int,
    count: int,
    seed: int,
    file_names: Sequence[str] = TRAINING_SCENES,
    *,
    coloured: bool = False,
) -> Part:
    """x (count, C, side, side), bicubically reduced; y (count, C, factor side, factor side); C 1 or 3."""
    if factor < 1 or side < 1:
        raise ArgumentError(f"expected factor and side of 1 or more, got {factor} and {side}")

    def reduce(sharp: Examples) -> Examples:
        return bicubic(sharp, side, side)

    return restoration_pairs(reduce, factor * side, count, seed, file_names, coloured=coloured)


def restoration_pairs(
    degrade: Degrade,
    side: int,
    count: int,
    seed: int,
    file_names: Sequence[str] = TRAINING_SCENES,
    *,
    coloured: bool = False,
) -> Part:
    """y: crops (count, C, side, side) from 0 to 1, drawn with the seed; x: degrade(y)."""
    sharp = scene_patches(side, count, seed, file_names, coloured=coloured)
    return Part(degrade(sharp), sharp)


def bicubic(pictures: Examples, height: int, width: int) -> Examples:
    """Pictures (N, C, H, W) on another grid, by Pillow's cubic, which is widened where the grid shrinks."""
    require("PIL", "compare")
    from PIL import Image

    resized = np.empty((*pictures.shape[:2], height, width), np.float32)
    for index in np.ndindex(*pictures.shape[:2]):
        plane = Image.fromarray(np.ascontiguousarray(pictures[index], np.float32))
        resized[index] = np.asarray(plane.resize((width, height), Image.Resampling.BICUBIC))
    return resized


def psnr(restored: Examples, sharp: Examples, border: int = 0) -> float:
    """Peak signal-to-noise ratio in dB, mean over pictures (N, C, H, W) from 0 to 1.

    restored is cut to that range first; `border` pixels on each side do not count.
    """
    if restored.shape != sharp.shape:
        raise ShapeError(f"expected pictures of one shape, got {restored.shape} and {sharp.shape}")
    if not 0 <= 2 * border < min(sharp.shape[2:]):
        raise ArgumentError(f"expected a border that leaves pixels of {sharp.shape[2:]}, got {border}")
    rows, columns = (slice(border, size - border) for size in sharp.shape[2:])
    error = np.clip(restored.astype(np.float64), 0, 1)[..., rows, columns] - sharp[..., rows, columns]
    return float(np.mean(-10 * np.log10(np.mean(error**2, axis=(1, 2, 3)))))
