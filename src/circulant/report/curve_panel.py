"""Small curves beside the maps: gain by frequency, and a receptive field along one axis."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from circulant.report.axis import line, path, text
from circulant.report.fragment import Fragment, drawing, element
from circulant.report.map_panel import LEFT, PLOT, SIDE, TOP
from circulant.report.scale import LinearScale

BOTTOM = TOP + PLOT
WIDE = 334.0  # as wide as two panels with their gap: a series needs the room


def gain_curve(
    frequency: NDArray[np.float64],
    gain: NDArray[np.float64],
    others: Sequence[NDArray[np.float64]],
    description: str,
) -> Fragment:
    """Gain 0..1 over 0..0.5 cycles per sample; the others, on the same frequencies, in grey."""
    x = LinearScale(0.0, 0.5, LEFT, LEFT + PLOT)
    y = LinearScale(0.0, 1.0, BOTTOM, TOP)
    parts = []
    for value, label in ((0.0, "0"), (0.5, "0.5"), (1.0, "1")):
        parts.append(line(LEFT, y.place(value), LEFT + PLOT, y.place(value), "grid" if value else "axis"))
        parts.append(text(LEFT - 6, y.place(value) + 4, label, "tick", "end"))
    for value, label in ((0.0, "0"), (0.25, "¼"), (0.5, "½")):
        parts.append(text(x.place(value), BOTTOM + 16, label, "tick", "middle"))
    parts.append(text(LEFT + PLOT / 2, BOTTOM + 31, "cycles per sample", "tick", "middle"))
    for values, class_ in [*((other, "ghost") for other in others), (gain, "curve")]:
        spots = zip(frequency.tolist(), values.tolist(), strict=True)
        parts.append(path([(x.place(f), y.place(g)) for f, g in spots], class_))
    return drawing(SIDE, SIDE, parts, description)


def receptive_curve(share: NDArray[np.float64], half_side: int, description: str) -> Fragment:
    """share (1, L) relative to its peak; the shaded interval holds half of it."""
    values = share.ravel()
    length, middle = values.size, values.size // 2
    scale = LinearScale(-0.5, length - 0.5, LEFT, WIDE - 8)
    y = LinearScale(0.0, 1.0, BOTTOM, TOP)
    parts = []
    if half_side:
        left = scale.place(max(-0.5, middle - half_side / 2))
        right = scale.place(min(length - 0.5, middle + half_side / 2))
        parts.append(element("rect", x=left, y=TOP, width=right - left, height=PLOT, class_="half"))
    parts += [line(LEFT, BOTTOM, WIDE - 8, BOTTOM, "axis"), line(LEFT, TOP, WIDE - 8, TOP, "grid")]
    parts += [text(LEFT - 6, y.place(v) + 4, f"{v:g}", "tick", "end") for v in (0.0, 1.0)]
    for place in sorted({0, middle, length - 1}):
        label = str(place - middle).replace("-", "−")
        parts.append(text(scale.place(place), BOTTOM + 16, label, "tick", "middle"))
    parts.append(text((LEFT + WIDE - 8) / 2, BOTTOM + 31, "samples", "tick", "middle"))
    shown = values / (float(values.max()) or 1.0)
    corners = [
        (scale.place(i + side), y.place(v)) for i, v in enumerate(shown.tolist()) for side in (-0.5, 0.5)
    ]
    parts.append(path(corners, "curve"))
    return drawing(WIDE, SIDE, parts, description)
