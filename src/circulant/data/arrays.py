"""NumPy archives: x_train, y_train, x_test, y_test, or x and y to be split.

y of one label for each example makes a classification, y of real numbers on the grid of x a field.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile
from zlib import error as BadData

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from circulant.core.errors import DataError
from circulant.data.dataset import Dataset, Examples
from circulant.data.fields import Fields, field_dataset, split_fields
from circulant.data.labelled import Labelled, paired_dataset, split_dataset

PAIRED = ("x_train", "y_train", "x_test", "y_test")
WHOLE = ("x", "y")
COLOURS = (1, 3, 4)
RANKS = "(N, L) or (N, C, L) series, (N, H, W) of uint8, (N, C, H, W) or (N, H, W, C) images"


def arrays_from_file(path: Path, seed: int) -> Dataset:
    arrays = _read(path)
    origin = f"Arrays from {path.name}."
    if all(key in arrays for key in PAIRED):
        if _on_grid(arrays["x_train"], arrays["y_train"]):
            parts = [_fields(path, arrays, f"x_{part}", f"y_{part}") for part in ("train", "test")]
            return field_dataset(path.stem, origin, *parts)
        train, test = (_labelled(path, arrays, f"x_{part}", f"y_{part}") for part in ("train", "test"))
        return paired_dataset(path.stem, origin, train, test)
    if all(key in arrays for key in WHOLE):
        if _on_grid(arrays["x"], arrays["y"]):
            return split_fields(path.stem, origin, _fields(path, arrays, *WHOLE), seed)
        return split_dataset(path.stem, origin, _labelled(path, arrays, *WHOLE), seed)
    raise DataError(
        f"{path}: expected the arrays {', '.join(PAIRED)}, or x and y, "
        f"found {', '.join(sorted(arrays)) or 'none'}; "
        "save them under these names with numpy.savez"
    )


def _read(path: Path) -> dict[str, NDArray[Any]]:
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, NpzFile):
            raise ValueError("it holds one bare array")
        with archive:
            return {key: archive[key] for key in archive.files if key in PAIRED + WHOLE}
    except (OSError, ValueError, EOFError, BadZipFile, BadData) as error:
        raise DataError(
            f"{path}: expected a NumPy archive of plain arrays, but it cannot be read ({error}); "
            "save it anew with numpy.savez, without object arrays"
        ) from error


def _on_grid(x: NDArray[Any], y: NDArray[Any]) -> bool:
    """Whether y is a field: real numbers, one for each position of x, in channels of its own."""
    if y.dtype.kind != "f" or y.ndim < 2 or x.ndim < 2:
        return False
    return y.shape[0] == x.shape[0] and y.shape[_axes(y) :] == x.shape[_axes(x) :]


def _axes(array: NDArray[Any]) -> int:
    """The first spatial axis: behind (N,) where there are no channels, behind (N, C) where there are."""
    return 1 if array.ndim == 2 else 2


def _fields(path: Path, arrays: Mapping[str, NDArray[Any]], x_key: str, y_key: str) -> Fields:
    return Fields(*(_examples(path, key, arrays[key]) for key in (x_key, y_key)))


def _labelled(path: Path, arrays: Mapping[str, NDArray[Any]], x_key: str, y_key: str) -> Labelled:
    x, y = arrays[x_key], arrays[y_key]
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1 or len(y) != len(x):
        raise DataError(
            f"{path}: {y_key} must hold one label for each of the {len(x)} examples of {x_key}, "
            f"got shape {y.shape}; class labels, not one-hot rows, or real numbers on the grid of {x_key}"
        )
    return Labelled(_examples(path, x_key, x), [str(label) for label in y.tolist()])


def _examples(path: Path, key: str, x: NDArray[Any]) -> Examples:
    """Channels first, float32; pixels of uint8 become 0 to 1."""
    if x.dtype.kind not in "biuf" or x.ndim not in (2, 3, 4) or 0 in x.shape[1:]:
        raise DataError(f"{path}: {key} must be numbers, {RANKS}; got {x.dtype} {x.shape}; reshape it")
    images = x.ndim == 4 or (x.ndim == 3 and x.dtype == np.uint8)
    if x.ndim == 2 or (x.ndim == 3 and images):
        x = x[:, None]
    elif x.ndim == 4 and x.shape[1] not in COLOURS and x.shape[3] in COLOURS:
        x = x.transpose(0, 3, 1, 2)
    scaled = x.astype(np.float32) / 255 if images and x.dtype == np.uint8 else x
    return np.ascontiguousarray(scaled, dtype=np.float32)
