"""Series in a CSV file: one example per row, one column holds the class."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np

from circulant.core.errors import DataError
from circulant.data.dataset import Dataset
from circulant.data.labelled import Labelled, split_dataset
from circulant.data.text_file import read_lines

DELIMITERS = (",", ";", "\t")


@final
@dataclass(frozen=True, slots=True)
class _Table:
    header: tuple[str, ...] | None
    rows: tuple[tuple[str, ...], ...]
    first_line: int  # line number of rows[0]


def table_from_file(path: Path, label: str | None, seed: int) -> Dataset:
    """label is a column's name, or its number counted from 1 where there is no header; default the last."""
    table = _parse(path)
    column = _label_column(path, table, label)
    names = [row[column].strip() for row in table.rows]
    values = [
        _numbers(path, table.first_line + at, row[:column] + row[column + 1 :])
        for at, row in enumerate(table.rows)
    ]
    x = np.array(values, dtype=np.float32)[:, None, :]
    return split_dataset(path.stem, f"Series from the rows of {path.name}.", Labelled(x, names), seed)


def _parse(path: Path) -> _Table:
    lines = [line for line in read_lines(path) if line.strip()]
    if not lines:
        raise DataError(f"{path}: expected rows of values, found none; check the file")
    delimiter = max(DELIMITERS, key=lines[0].count)
    rows = tuple(tuple(row) for row in csv.reader(lines, delimiter=delimiter))
    width = len(rows[0])
    for number, row in enumerate(rows, 1):
        if len(row) != width or width < 2:
            raise DataError(
                f"{path}, row {number}: expected {max(width, 2)} columns as in the first row, "
                f"got {len(row)}; all series must have one length"
            )
    headed = not any(_is_number(cell) for cell in rows[0])
    if headed and len(rows) == 1:
        raise DataError(f"{path}: expected rows of values after the header, found none; check the file")
    return _Table(rows[0], rows[1:], 2) if headed else _Table(None, rows, 1)


def _label_column(path: Path, table: _Table, label: str | None) -> int:
    if label is None:
        return len(table.rows[0]) - 1
    if table.header is not None and label in table.header:
        return table.header.index(label)
    width = len(table.rows[0])
    if table.header is None and label.isdecimal() and 1 <= int(label) <= width:
        return int(label) - 1
    known = ", ".join(table.header) if table.header else f"numbers 1 to {width}, as there is no header"
    raise DataError(f"{path}: no label column {label!r}; its columns are {known}")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numbers(path: Path, row: int, cells: tuple[str, ...]) -> list[float]:
    bad = next((cell for cell in cells if not _is_number(cell)), None)
    if bad is not None:
        raise DataError(
            f"{path}, row {row}: values must be numbers, got {bad!r}; "
            "fill missing values, and name the label column with --label"
        )
    return [float(cell) for cell in cells]
