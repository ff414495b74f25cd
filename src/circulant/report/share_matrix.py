"""A matrix of values from 0 to 1 as a picture: how alike each of some parts is to each of others."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from circulant.report.axis import text
from circulant.report.fragment import Fragment, drawing, element
from circulant.report.png import map_uri, ramp_uri
from circulant.report.text_width import shortened, text_width

CELL, TOP, RAMP, LEAST_WIDTH = 30.0, 26.0, 96.0, 230.0
NAME, ROOM = 12.0, 120.0  # size of names, and the most that they take
DARK = 0.55  # from this share on the number in a cell is light


def share_matrix(
    values: NDArray[np.float64], rows: Sequence[str], columns: Sequence[str], word: str, description: str
) -> Fragment:
    """values (R, C), drawn from 0 (paper) to 1 (navy) with their numbers; columns go by number, named below.

    word says what a value is. nan stays empty.
    """
    shown = [shortened(name, NAME, ROOM) for name in rows]
    numbered = [f"{name} · {place}" for place, name in enumerate(shown, 1)] if rows == columns else shown
    left = 12 + max(text_width(name, NAME) for name in numbered)
    right, bottom = left + CELL * len(columns), TOP + CELL * len(rows)
    place = {"x": left, "y": TOP, "width": right - left, "height": bottom - TOP}
    uri = map_uri(np.nan_to_num(values))
    parts = [element("image", href=uri, preserveAspectRatio="none", class_="map", **place)]
    parts.append(element("rect", class_="frame", **place))
    for row, name in enumerate(numbered):
        parts.append(text(left - 6, TOP + (row + 0.5) * CELL + 4, name, "tick", "end"))
        parts += [_cell(left, row, column, float(value)) for column, value in enumerate(values[row])]
    for column, name in enumerate(columns):
        label = str(column + 1)
        parts.append(text(left + (column + 0.5) * CELL, TOP - 8, label, "tick", "middle"))
        if rows != columns:
            words = f"{label}  {shortened(name, NAME, 2 * ROOM)}"
            parts.append(text(left, bottom + 62 + 16 * column, words, "tick"))
    parts += [
        text(left, bottom + 26, "0", "tick"),
        element("image", href=ramp_uri(), x=left + 12, y=bottom + 17, width=RAMP, height=9.0,
                preserveAspectRatio="none", class_="map"),
        text(left + RAMP + 18, bottom + 26, f"1  {word}", "tick"),
    ]  # fmt: skip
    named = 16 * len(columns) + 40 if rows != columns else 0
    return drawing(max(right, left + LEAST_WIDTH) + 8, bottom + 40 + named, parts, description)


def _cell(left: float, row: int, column: int, value: float) -> Fragment:
    words = "–" if value != value else f"{value:.2f}".replace("0.", ".").replace("-", "−")
    kind = "cell deep" if value >= DARK else "cell"
    return text(left + (column + 0.5) * CELL, TOP + (row + 0.5) * CELL + 4, words, kind, "middle")
