"""Small kernels side by side, their taps in colour: red above zero, blue below, white at zero."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from circulant.report.axis import text
from circulant.report.fragment import Fragment, drawing, element
from circulant.report.png import signed_colours

SIDE, GAP, TOP = 54.0, 14.0, 24.0


def kernel_row(kernels: NDArray[np.float64], labels: Sequence[str], unit: str, description: str) -> Fragment:
    """kernels (n, H, W), one colour scale for all; a label below each, and what the labels mean."""
    largest = float(np.abs(kernels).max()) or 1.0
    count, height, width = kernels.shape
    tap = SIDE / max(height, width)
    parts = []
    for number, (kernel, label) in enumerate(zip(kernels, labels, strict=True)):
        left = GAP + number * (SIDE + GAP)
        parts.append(text(left + SIDE / 2, TOP - 9, str(number + 1), "tick", "middle"))
        for (row, column), value in np.ndenumerate(kernel):
            x, y = left + column * tap, TOP + row * tap
            colour = _colour(float(value) / largest)
            parts.append(element("rect", x=x, y=y, width=tap, height=tap, fill=colour))
        frame = element("rect", x=left, y=TOP, width=width * tap, height=height * tap, class_="frame")
        parts += [frame, text(left + SIDE / 2, TOP + SIDE + 16, label, "tick", "middle")]
    middle = (GAP + count * (SIDE + GAP)) / 2
    parts.append(text(middle, TOP + SIDE + 34, unit, "tick", "middle"))
    return drawing(2 * middle, TOP + SIDE + 42, parts, description)


def _colour(value: float) -> str:
    """Of -1 to 1."""
    return "#" + signed_colours(np.array(value)).tobytes().hex()
