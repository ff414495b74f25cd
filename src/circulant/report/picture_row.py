"""Pictures and maps beside each other, each with its title, its axes and what its darkest stands for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from circulant.report.axis import line, text
from circulant.report.fragment import Fragment, drawing, element
from circulant.report.numbers import MINUS, significant
from circulant.report.png import map_uri, photo_uri, ramp_uri, signed_ramp_uri, signed_uri

LEFT, TOP, PLOT, GAP = 34.0, 24.0, 126.0, 22.0
RAMP = 44.0  # width of the legend
TICKS, LEGEND = 26.0, 24.0  # heights below the panels


@final
@dataclass(frozen=True, slots=True)
class Picture:
    """values (H, W), or (H, W, 3) in colour.

    Without a unit it is a photograph, from 0 to 1. With one, "" if it is not known, it is a map, drawn from 0
    (paper) to high (navy); high 0 stands for the largest value. A signed map goes from -high (blue) over 0
    (paper) to high (red).
    """

    title: str
    values: NDArray[Any]
    unit: str | None = None
    high: float = 0.0
    signed: bool = False

    @property
    def highest(self) -> float:
        return self.high or float(np.max(np.abs(self.values) if self.signed else self.values)) or 1.0

    @property
    def uri(self) -> str:
        if self.unit is None:
            return photo_uri(self.values.astype(np.float32))
        shares = self.values.astype(np.float64) / self.highest
        return signed_uri(shares) if self.signed else map_uri(shares)


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
    kind = "photo" if picture.unit is None else "map"  # a dark page turns maps over, not photographs
    parts = [
        text(left, TOP - 9, picture.title, "title"),
        element("image", href=picture.uri, preserveAspectRatio="none", class_=kind, **place),
        element("rect", class_="frame", **place),
    ]
    for at, label in ((left + pixel / 2, "0"), (right - pixel / 2, str(width - 1))):
        parts += [line(at, bottom, at, bottom + 4, "axis"), text(at, bottom + 16, label, "tick", "middle")]
    parts.append(text((left + right) / 2, bottom + 16, "pixels", "tick", "middle"))
    if is_first:
        for at, label in ((TOP + pixel / 2, "0"), (bottom - pixel / 2, str(height - 1))):
            parts += [line(left - 4, at, left, at, "axis"), text(left - 7, at + 4, label, "tick", "end")]
    if picture.unit is not None:
        parts += legend(left, bottom + 28, picture.highest, picture.unit, picture.signed)
    return parts


def legend(left: float, top: float, high: float, unit: str, signed: bool) -> list[Fragment]:
    """The ramp of a map's colours with the values at its ends."""
    most = significant(high, 2)
    low = f"{MINUS}{most}" if signed else "0"
    ramp = {"x": left + 12, "y": top, "width": RAMP, "height": 9.0}
    return [
        text(left + 7, top + 9, low, "tick", "end"),
        element(
            "image",
            href=signed_ramp_uri() if signed else ramp_uri(),
            preserveAspectRatio="none",
            class_="map",
            **ramp,
        ),
        element("rect", class_="frame", **ramp),
        text(left + 18 + RAMP, top + 9, f"{most} {unit}".rstrip(), "tick"),
    ]
