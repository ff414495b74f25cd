"""One picture from disk as an array."""

from enum import Enum
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from circulant.core.errors import DataError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm"})


@final
class Colour(Enum):
    """What a pixel holds, by Pillow's name of the mode."""

    GREY = "L"
    RGB = "RGB"


def read_picture(path: Path) -> Image.Image:
    """Fully decoded, so that damage shows here."""
    try:
        with Image.open(path) as picture:
            return ImageOps.exif_transpose(picture)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(
            f"{path}: expected a whole picture, but it cannot be decoded ({error}); replace or remove it"
        ) from error


def colour_of(picture: Image.Image) -> Colour:
    grey = picture.mode in {"1", "L", "LA"} or picture.mode.startswith("I")
    return Colour.GREY if grey else Colour.RGB


def to_array(picture: Image.Image, colour: Colour) -> NDArray[np.float32]:
    """Values 0 to 1, channels first."""
    if picture.mode.startswith("I"):  # 16-bit grey: Pillow would clip, not scale
        plane = np.asarray(picture, dtype=np.float32) / np.float32(65535)
        return plane[None].repeat(_channels(colour), axis=0)
    pixels = np.asarray(picture.convert(colour.value), dtype=np.float32) / np.float32(255)
    return pixels[None] if colour is Colour.GREY else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _channels(colour: Colour) -> int:
    return 1 if colour is Colour.GREY else 3


def fit(picture: Image.Image, size: int) -> Image.Image:
    """Scaled to cover a square of that side and cut around the centre."""
    return ImageOps.fit(picture, (size, size), method=Image.Resampling.BICUBIC)
