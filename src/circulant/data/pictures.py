"""A folder of pictures, one sub-folder per class; inside train/ and test/ where there is a split."""

from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np

from circulant.core.errors import DataError
from circulant.data.dataset import Dataset, Examples
from circulant.data.installed import require
from circulant.data.labelled import Labelled, paired_dataset, split_dataset

LAYOUT = "put pictures into one sub-folder per class, such as cats/ and dogs/"


@final
@dataclass(frozen=True, slots=True)
class _Found:
    """Picture files with their classes, in a fixed order."""

    paths: tuple[Path, ...]
    names: tuple[str, ...]


def pictures_from_folder(folder: Path, size: int | None, seed: int) -> Dataset:
    require("PIL", "compare")
    parts = [folder / "train", folder / "test"]
    origin = f"Pictures from the folder {folder.name}" + (f", cut to {size} x {size}." if size else ".")
    if all(part.is_dir() for part in parts):
        train, test = (_find(part) for part in parts)
        x = _read(train.paths + test.paths, size)
        cut = len(train.paths)
        return paired_dataset(
            folder.name, origin, Labelled(x[:cut], train.names), Labelled(x[cut:], test.names)
        )
    found = _find(folder)
    return split_dataset(folder.name, origin, Labelled(_read(found.paths, size), found.names), seed)


def _find(folder: Path) -> _Found:
    from circulant.data.picture_file import SUFFIXES

    paths: list[Path] = []
    names: list[str] = []
    try:
        for group in sorted(entry for entry in folder.iterdir() if entry.is_dir() and entry.name[0] != "."):
            members = sorted(path for path in group.rglob("*") if path.suffix.lower() in SUFFIXES)
            if not members:
                raise DataError(f"{group}: expected pictures of this class, found none; {LAYOUT}")
            paths += members
            names += [group.name] * len(members)
    except OSError as error:
        raise DataError(f"{error.filename} cannot be read ({error.strerror}); check permissions") from error
    if not paths:
        raise DataError(f"{folder}: expected sub-folders with pictures, found none; {LAYOUT}")
    return _Found(tuple(paths), tuple(names))


def _read(paths: tuple[Path, ...], size: int | None) -> Examples:
    """All pictures as one array; grey only if every one is."""
    from circulant.data.picture_file import Colour, colour_of, fit, read_picture, to_array

    pictures = []
    for path in paths:
        picture = read_picture(path)
        pictures.append(fit(picture, size) if size else picture)
        if pictures[-1].size != pictures[0].size:
            (width, height), (w, h) = pictures[0].size, pictures[-1].size
            raise DataError(
                f"{path}: pictures must have one size, got {w} x {h} after {width} x {height}; "
                "add --size 64, or another side in pixels"
            )
    grey = all(colour_of(picture) is Colour.GREY for picture in pictures)
    return np.stack([to_array(picture, Colour.GREY if grey else Colour.RGB) for picture in pictures])
