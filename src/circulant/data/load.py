"""From what the user typed to a data set."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from circulant.core.errors import ArgumentError, DataError, UnknownNameError
from circulant.data.arrays import arrays_from_file
from circulant.data.darcy import darcy_flow
from circulant.data.dataset import Dataset
from circulant.data.flows import burgers_flow, navier_stokes_flow
from circulant.data.mnist import mnist_5k
from circulant.data.mnist1d import mnist_1d
from circulant.data.next_character import characters_from_file, stdlib_characters
from circulant.data.noisy_photographs import noisy_photographs
from circulant.data.pictures import pictures_from_folder
from circulant.data.series import BUNDLED, bundled_series, series_from_file
from circulant.data.table import table_from_file

KINDS = "a folder of pictures by class, or a file .npz, .csv, .ts or .txt"
FIXED: Mapping[str, Callable[[], Dataset]] = {  # with a split of their own
    "stdlib-text": stdlib_characters,
    "darcy": darcy_flow,
    "mnist1d": mnist_1d,
    "burgers": burgers_flow,
    "navier-stokes": navier_stokes_flow,
    "noisy-photographs": noisy_photographs,
}
SMALLEST, LARGEST = 4, 1024  # sides in pixels that --size takes


def bundled() -> Mapping[str, Callable[[int], Dataset]]:
    """Sets that come with installed packages or are generated, each built from a split seed."""
    series = {name: partial(_series, name) for name in BUNDLED}
    fixed = {name: partial(_fixed, make) for name, make in FIXED.items()}
    return {"mnist5k": mnist_5k, **series, **fixed}


def _fixed(make: Callable[[], Dataset], seed: int) -> Dataset:
    return make()


def _series(name: str, seed: int) -> Dataset:
    return bundled_series(name)  # its split is official: no seed is needed


def load(spec: str, size: int | None, label: str | None, seed: int) -> Dataset:
    """A bundled set by name (in any case) or the user's own path; seed draws a missing split."""
    if size is not None and not SMALLEST <= size <= LARGEST:
        raise ArgumentError(f"expected a size of {SMALLEST} to {LARGEST} pixels, got {size}")
    known = {name.lower(): source for name, source in bundled().items()}
    if spec.lower() in known:
        _refuse(spec, size, label, takes_size=False, takes_label=False)
        return known[spec.lower()](seed)
    path = Path(spec).expanduser()
    if path.is_dir():
        _refuse(spec, size, label, takes_size=True, takes_label=False)
        return pictures_from_folder(path.resolve(), size, seed)
    if path.is_file():
        return _from_file(path, size, label, seed)
    if path.suffix or len(path.parts) != 1:
        raise DataError(f"{spec}: no such file or folder; give {KINDS}, or one of {', '.join(bundled())}")
    raise UnknownNameError("data set or path", spec, bundled())


def _from_file(path: Path, size: int | None, label: str | None, seed: int) -> Dataset:
    suffix = path.suffix.lower()
    _refuse(str(path), size, label, takes_size=False, takes_label=suffix == ".csv")
    if suffix == ".npz":
        return arrays_from_file(path, seed)
    if suffix == ".csv":
        return table_from_file(path, label, seed)
    if suffix == ".ts":
        return series_from_file(path, seed)
    if suffix == ".txt":
        return characters_from_file(path)
    raise DataError(
        f"{path}: expected a file .npz, .csv, .ts or .txt, got {suffix or 'no suffix'!r}; give {KINDS}"
    )


def _refuse(spec: str, size: int | None, label: str | None, takes_size: bool, takes_label: bool) -> None:
    """An option that would have no effect is a mistake."""
    if size is not None and not takes_size:
        raise ArgumentError(f"--size is for folders of pictures, got it with {spec}; leave it out")
    if label is not None and not takes_label:
        raise ArgumentError(f"--label is for .csv files, got it with {spec}; leave it out")
