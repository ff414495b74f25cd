"""Pictures and maps beside each other, each with its title, its axes and what its darkest stands for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from circulant.report.axis import line, text
from circulant.report.fragment import Fragment, drawing, element
from circulant.report.numbers import significant
from circulant.report.png import map_uri, photo_uri, ramp_uri

LEFT, TOP, PLOT, GAP = 34.0, 24.0, 126.0, 22.0
RAMP = 44.0  # width of the legend
TICKS, LEGEND = 26.0, 24.0  # heights below the panels


@final
@dataclass(frozen=True, slots=True)
class Picture:
    """values (H, W), or (H, W, 3) in colour.

    Without a unit it is a photograph, from 0 to 1. With one, "" if it is not known, it is a map, drawn from 0
    (paper) to high (navy); high 0 stands for the largest value.
    """

    title: str
    values: NDArray[Any]
    unit: str | None = None
    high: float = 0.0


def picture_row(pictures: Sequence[Picture], description: str) -> Fragment:
    """One panel for each; rows and columns are counted in pixels."""
    width = LEFT + len(pictures) * (PLOT + GAP)
    parts = [
        part
        for number, picture in enumerate(pictures)
        for part in _panel(picture, LEFT + number * (PLOT + GAP), number == 0)
    ]
    legend = LEGEND if any(picture.unit is not None for picture in pictures) else 0.0
    return drawing(width, TOP + PLOT + TICKS + legend, parts, description)


def _panel(picture: Picture, left: float, is_first: bool) -> list[Fragment]:
    height, width = picture.values.shape[:2]
    pixel = PLOT / max(height, width)
    right, bottom = left + width * pixel, TOP + height * pixel
    place = {"x": left, "y": TOP, "width": width * pixel, "height": height * pixel}
    high = picture.high or float(np.max(picture.values)) or 1.0
    values = picture.values.astype(np.float64)
    uri = map_uri(values / high) if picture.unit is not None else photo_uri(values.astype(np.float32))
    parts = [
        text(left, TOP - 9, picture.title, "title"),
        element("image", href=uri, preserveAspectRatio="none", class_="map", **place),
        element("rect", class_="frame", **place),
    ]
    for at, label in ((left + pixel / 2, "0"), (right - pixel / 2, str(width - 1))):
        parts += [line(at, bottom, at, bottom + 4, "axis"), text(at, bottom + 16, label, "tick", "middle")]
    parts.append(text((left + right) / 2, bottom + 16, "pixels", "tick", "middle"))
    if is_first:
        for at, label in ((TOP + pixel / 2, "0"), (bottom - pixel / 2, str(height - 1))):
            parts += [line(left - 4, at, left, at, "axis"), text(left - 7, at + 4, label, "tick", "end")]
    if picture.unit is not None:
        parts += _legend(left, bottom + 28, significant(high), picture.unit)
    return parts


def _legend(left: float, top: float, high: str, unit: str) -> list[Fragment]:
    ramp = {"x": left + 12, "y": top, "width": RAMP, "height": 9.0}
    return [
        text(left, top + 9, "0", "tick"),
        element("image", href=ramp_uri(), preserveAspectRatio="none", **ramp),
        element("rect", class_="frame", **ramp),
        text(left + 18 + RAMP, top + 9, f"{high} {unit}".rstrip(), "tick"),
    ]
