"""Small maps: a receptive field over samples, a response over signed frequencies."""

import numpy as np
from numpy.typing import NDArray

from circulant.report.axis import line, text
from circulant.report.fragment import Fragment, drawing, element
from circulant.report.png import map_uri

SIDE = 168.0
LEFT, TOP, PLOT = 34.0, 6.0, 126.0
DECADES = 2.0  # the receptive field is drawn from 1 % of its peak


def receptive_map(share: NDArray[np.float64], half_side: int, description: str) -> Fragment:
    """share (H, W) on a logarithmic scale; the frame of the square that holds half of it."""
    height, width = share.shape
    peak = float(share.max()) or 1.0
    with np.errstate(divide="ignore"):
        shown = 1 + np.log10(share / peak) / DECADES
    sample = PLOT / max(height, width)
    left, top = LEFT + (PLOT - width * sample) / 2, TOP + (PLOT - height * sample) / 2
    parts = [_image(shown, left, top, width * sample, height * sample)]
    if half_side:
        x = max(0, width // 2 - half_side // 2) * sample
        y = max(0, height // 2 - half_side // 2) * sample
        right = min(width, width // 2 + half_side // 2 + 1) * sample
        bottom = min(height, height // 2 + half_side // 2 + 1) * sample
        parts.append(
            element("rect", x=left + x, y=top + y, width=right - x, height=bottom - y, class_="half")
        )
    ends = [(0, -(width // 2)), (width // 2, 0), (width - 1, width - 1 - width // 2)]
    marks = [(left + (place + 0.5) * sample, str(value).replace("-", "−")) for place, value in ends]
    parts.extend(_marks(marks, "samples"))
    return drawing(SIDE, SIDE, parts, description)


def plane_map(plane: NDArray[np.float64], description: str) -> Fragment:
    """plane (n, n): gain 0..1 by signed frequency, zero in the middle."""
    marks = [(LEFT, "−½"), (LEFT + PLOT / 2, "0"), (LEFT + PLOT, "½")]
    parts = [_image(plane, LEFT, TOP, PLOT, PLOT), *_marks(marks, "cycles per sample")]
    return drawing(SIDE, SIDE, parts, description)


def _image(shown: NDArray[np.float64], left: float, top: float, width: float, height: float) -> Fragment:
    image = element(
        "image",
        href=map_uri(shown),
        x=left,
        y=top,
        width=width,
        height=height,
        preserveAspectRatio="none",
        class_="map",
    )
    frame = element("rect", x=left, y=top, width=width, height=height, class_="frame")
    return element("g", image, frame)


def _marks(marks: list[tuple[float, str]], unit: str) -> list[Fragment]:
    """Ticks of the lower axis; the upright axis is alike and stays bare."""
    bottom = TOP + PLOT
    lines = [line(x, bottom, x, bottom + 4, "axis") for x, _ in marks]
    words = [text(x, bottom + 16, label, "tick", "middle") for x, label in marks]
    return [*lines, *words, text(LEFT + PLOT / 2, bottom + 31, unit, "tick", "middle")]
