"""A curve of values from 0 to 1 over equal steps from 0 to 1."""

import numpy as np
from numpy.typing import NDArray

from circulant.report.axis import bottom_axis, left_axis, path, text
from circulant.report.fragment import Fragment, drawing
from circulant.report.scale import LinearScale

WIDTH, HEIGHT = 300.0, 210.0
LEFT, TOP, RIGHT, BOTTOM = 44.0, 28.0, 288.0, 166.0


def share_curve(values: NDArray[np.float64], axis: str, title: str, description: str) -> Fragment:
    """values (n + 1,); axis names what runs from 0 to 1, title what is drawn."""
    x, y = LinearScale(0.0, 1.0, LEFT, RIGHT), LinearScale(0.0, 1.0, BOTTOM, TOP)
    places = np.linspace(0, 1, len(values))
    spots = zip(places.tolist(), values.tolist(), strict=True)
    parts = [
        *left_axis(y, LEFT, RIGHT),
        *bottom_axis(x, BOTTOM),
        text(LEFT, TOP - 12, title, "title"),
        text((LEFT + RIGHT) / 2, BOTTOM + 36, axis, "tick", "middle"),
        path([(x.place(at), y.place(value)) for at, value in spots], "curve"),
    ]
    return drawing(WIDTH, HEIGHT, parts, description)
