"""A square matrix as a picture: how much each of several parts depends on each other one."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from circulant.report.axis import text
from circulant.report.fragment import Fragment, drawing, element
from circulant.report.png import map_uri

CELL = 28.0
TOP, LETTER, RAMP, LEAST_WIDTH = 28.0, 7.0, 96.0, 190.0
LARGEST_DECADES = 6.0
FAINTEST = 0.1  # share of the colours for the smallest value drawn: 0 alone is white


def matrix_map(
    values: NDArray[np.float64], names: Sequence[str], words: tuple[str, str, str], description: str
) -> Fragment:
    """values (n, n), 0 or more, on a logarithmic scale; zeros stay white.

    words: what rows, columns and values are.
    """
    shown, (least, most) = _logarithmic(values)
    left = LETTER * max(map(len, names)) + 36
    side = CELL * len(names)
    bottom, right = TOP + side, left + max(side, LEAST_WIDTH)
    image = element(
        "image", href=map_uri(shown), x=left, y=TOP, width=side, height=side, preserveAspectRatio="none"
    )
    parts = [image, element("rect", x=left, y=TOP, width=side, height=side, class_="frame")]
    for place, name in enumerate(names):
        middle = (place + 0.5) * CELL
        parts.append(text(left - 6, TOP + middle + 4, f"{name} · {place + 1}", "tick", "end"))
        parts.append(text(left + middle, bottom + 16, str(place + 1), "tick", "middle"))
    parts.append(text(left, TOP - 10, f"rows: {words[0]}", "unit"))
    parts.append(text(left, bottom + 36, f"columns: {words[1]}", "unit"))
    parts += _legend(left, bottom + 50, (least, most), words[2])
    return drawing(right + 12, bottom + 84, parts, description)


def _legend(left: float, top: float, ends: tuple[float, float], word: str) -> list[Fragment]:
    colours = map_uri(np.linspace(FAINTEST, 1, 96)[None, :])
    return [
        element("image", href=colours, x=left, y=top, width=RAMP, height=8.0, preserveAspectRatio="none"),
        text(left + RAMP + 10, top + 8, word, "unit"),
        text(left, top + 22, f"{ends[0]:.1g}", "tick"),
        text(left + RAMP, top + 22, f"{ends[1]:.1g}", "tick", "end"),
    ]


def _logarithmic(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], tuple[float, float]]:
    """Shares of the ramp, and the values at its ends."""
    most = float(values.max()) or 1.0
    above = values[values > most * 10**-LARGEST_DECADES]
    least = min(float(above.min()) if above.size else most, most / 10)
    with np.errstate(divide="ignore"):
        place = np.log10(values / least) / np.log10(most / least)
    return np.where(values > 0, FAINTEST + (1 - FAINTEST) * np.clip(place, 0, 1), 0.0), (least, most)
