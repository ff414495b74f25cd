"""Power by frequency, both axes logarithmic."""

import numpy as np
from numpy.typing import NDArray

from circulant.report.axis import bottom_axis, left_axis, path, text
from circulant.report.fragment import Fragment, drawing
from circulant.report.scale import LogScale

WIDTH, HEIGHT = 346.0, 234.0
LEFT, RIGHT, TOP, BOTTOM = 62.0, 326.0, 26.0, 192.0
LOWEST = 1e-12  # of the largest: what is drawn of a ring without power


def power_curve(frequency: NDArray[np.float64], power: NDArray[np.float64], description: str) -> Fragment:
    """Positive frequencies in cycles per sample, and the power at each, relative to the largest."""
    relative = np.maximum(power / (float(power.max()) or 1.0), LOWEST)
    x = LogScale(float(frequency[0]), float(frequency[-1]), LEFT, RIGHT)
    y = LogScale(min(0.1, float(relative.min())), 1.0, BOTTOM, TOP)
    spots = [(x.place(f), y.place(p)) for f, p in zip(frequency.tolist(), relative.tolist(), strict=True)]
    middle = (LEFT + RIGHT) / 2
    parts = [
        *left_axis(y, LEFT, RIGHT),
        *bottom_axis(x, BOTTOM),
        text(middle, BOTTOM + 36, "cycles per sample", "tick", "middle"),
        text(LEFT, TOP - 12, "power, relative to the largest", "tick"),
        path(spots, "curve"),
    ]
    return drawing(WIDTH, HEIGHT, parts, description)
