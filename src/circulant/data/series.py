"""Data sets in `.ts` files: a pair NAME_TRAIN.ts and NAME_TEST.ts, or one file to be split."""

from pathlib import Path

from circulant.core.errors import DataError
from circulant.data.dataset import Dataset
from circulant.data.installed import installed_file
from circulant.data.labelled import Labelled, paired_dataset, split_dataset
from circulant.data.series_file import SeriesFile, pad, read_series_file

TRAIN, TEST = "_TRAIN", "_TEST"

BUNDLED = (
    "ACSF1",
    "ArrowHead",
    "BasicMotions",
    "GunPoint",
    "ItalyPowerDemand",
    "JapaneseVowels",
    "OSULeaf",
    "PickupGestureWiimoteZ",
)


def bundled_series(name: str) -> Dataset:
    """One of the archive's sets that the aeon wheel carries, with its official split."""
    folder = f"datasets/data/{name}/{name}"
    train, test = (read_series_file(installed_file("aeon", f"{folder}{part}.ts")) for part in (TRAIN, TEST))
    origin = f"{name} from the UCR/UEA archive, as carried by the aeon package, in its official split."
    return _paired(name, origin, train, test)


def series_from_file(path: Path, seed: int) -> Dataset:
    """NAME_TRAIN.ts is paired with the NAME_TEST.ts beside it (either may be given); others are split."""
    stem = path.stem.removesuffix(TRAIN).removesuffix(TEST)
    train, test = (path.with_name(f"{stem}{part}{path.suffix}") for part in (TRAIN, TEST))
    if path in (train, test):
        origin = f"Series from {train.name} and {test.name}."
        return _paired(stem, origin, read_series_file(train), read_series_file(test))
    file = read_series_file(path)
    origin = f"Series from {path.name}.{_padding_note(file)}"
    return split_dataset(stem, origin, Labelled(pad(file.series, file.longest), file.names), seed)


def _paired(name: str, origin: str, train: SeriesFile, test: SeriesFile) -> Dataset:
    if train.channels != test.channels:
        raise DataError(
            f"{name}: training and test series must have the same channels, got {train.channels} in "
            f"{train.path.name} and {test.channels} in {test.path.name}; use files of one data set"
        )
    length = max(train.longest, test.longest)
    parts = [Labelled(pad(file.series, length), file.names) for file in (train, test)]
    return paired_dataset(name, origin + _padding_note(train, test), *parts)


def _padding_note(*files: SeriesFile) -> str:
    shortest, longest = min(file.shortest for file in files), max(file.longest for file in files)
    if shortest == longest:
        return ""
    return f" Lengths from {shortest} to {longest} were padded with zeros at the end."
