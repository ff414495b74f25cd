"""The `.ts` text format of the UCR and UEA archives: one example per line, channels split by colons."""

from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from circulant.core.errors import DataError
from circulant.data.text_file import read_lines

Series = list[NDArray[np.float32]]  # one array per channel

REFUSED = {
    "timestamps": "time stamps are not read; leave them out",
    "targetlabel": "its targets are numbers; only class labels can be compared",
}


@final
@dataclass(frozen=True, slots=True, eq=False)
class SeriesFile:
    """Examples as written: lengths may differ."""

    path: Path
    series: list[Series]
    names: list[str]

    @property
    def longest(self) -> int:
        return max(len(channel) for example in self.series for channel in example)

    @property
    def shortest(self) -> int:
        return min(len(channel) for example in self.series for channel in example)

    @property
    def channels(self) -> int:
        return len(self.series[0])


def read_series_file(path: Path) -> SeriesFile:
    lines = [line.strip() for line in read_lines(path)]
    numbered = [(n, line) for n, line in enumerate(lines, 1) if line and line[0] not in "#%"]
    start = next((at for at, (_, line) in enumerate(numbered) if line.lower() == "@data"), None)
    if start is None:
        raise DataError(f"{path}: a .ts file needs a line @data before its examples, found none; add it")
    for number, line in numbered[:start]:
        _check_header(path, number, line)
    series: list[Series] = []
    names: list[str] = []
    for number, line in numbered[start + 1 :]:
        *channels, label = line.split(":")
        series.append([_channel(path, number, text) for text in channels])
        names.append(label.strip())
        if len(channels) != len(series[0]) or not channels:
            raise DataError(
                f"{path}, line {number}: expected {max(len(series[0]), 1)} channels and a class label, "
                f"each split by a colon, got {len(channels)} channels; correct the line"
            )
    if not series:
        raise DataError(f"{path}: expected examples after @data, found none; check the file")
    return SeriesFile(path, series, names)


def _check_header(path: Path, number: int, line: str) -> None:
    word, _, value = line.lstrip("@").lower().partition(" ")
    if word in REFUSED and value.strip().startswith("true"):
        raise DataError(f"{path}, line {number}: {line!r} cannot be used: {REFUSED[word]}")


def _channel(path: Path, number: int, text: str) -> NDArray[np.float32]:
    try:
        return np.array([float(value) for value in text.split(",")], dtype=np.float32)
    except ValueError as error:
        raise DataError(
            f"{path}, line {number}: values must be numbers, but {error}; fill missing values first"
        ) from error


def pad(series: list[Series], length: int) -> NDArray[np.float32]:
    """Zeros after the end, so that all have one length: (N, C, length)."""
    padded = np.zeros((len(series), len(series[0]), length), dtype=np.float32)
    for row, example in zip(padded, series, strict=True):
        for target, channel in zip(row, example, strict=True):
            target[: len(channel)] = channel
    return padded
