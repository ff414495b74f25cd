"""A series with a strip of colour below it: how much each sample matters."""

import numpy as np
from numpy.typing import NDArray

from circulant.report.axis import line, path, text
from circulant.report.fragment import Fragment, drawing, element
from circulant.report.numbers import significant
from circulant.report.picture_row import Picture, legend
from circulant.report.scale import LinearScale

WIDTH, LEFT, RIGHT = 334.0, 44.0, 326.0
TOP, BOTTOM, STRIP = 24.0, 112.0, 20.0
DRAWN = 600  # points of a long series that are drawn
CHANNELS = 4  # that are drawn


def series_strip(
    series: NDArray[np.float64], title: str, importance: Picture | None, description: str
) -> Fragment:
    """series (C, L); importance has values (1, L) and a unit, or is left out for the series alone."""
    length = series.shape[1]
    x = LinearScale(-0.5, length - 0.5, LEFT, RIGHT)
    low, high = float(series.min()), float(series.max())
    y = LinearScale(low, high if high > low else low + 1, BOTTOM - 4, TOP + 4)
    parts = [text(LEFT, TOP - 9, title, "title"), line(LEFT, BOTTOM, RIGHT, BOTTOM, "axis")]
    parts += [text(LEFT - 6, y.place(v) + 4, significant(v), "tick", "end") for v in sorted({low, high})]
    places = np.unique(np.linspace(0, length - 1, min(length, DRAWN)).round().astype(int))
    for channel in series[:CHANNELS]:
        parts.append(path([(x.place(i), y.place(float(channel[i]))) for i in places], "series-line"))
    bottom = BOTTOM
    if importance is not None:
        bottom += STRIP + 6
        place = {"x": LEFT, "y": BOTTOM + 6, "width": RIGHT - LEFT, "height": STRIP}
        parts.append(element("image", href=importance.uri, preserveAspectRatio="none", class_="map", **place))
        parts.append(element("rect", class_="frame", **place))
        parts += legend(LEFT, bottom + 28, importance.highest, importance.unit or "", importance.signed)
    for sample in sorted({0, length // 2, length - 1}):
        parts.append(text(x.place(sample), bottom + 16, str(sample), "tick", "middle"))
    parts.append(text((x.place(length // 2) + RIGHT) / 2, bottom + 16, "samples", "tick", "middle"))
    return drawing(WIDTH, bottom + 44, parts, description)
