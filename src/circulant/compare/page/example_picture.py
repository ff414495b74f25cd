"""Test examples that were misread, as small pictures: images as they are, sequences as lines."""

import numpy as np
from numpy.typing import NDArray

from circulant.compare.findings.words import is_image
from circulant.compare.records import DataSummary, HardExample
from circulant.report.axis import path
from circulant.report.fragment import Fragment, drawing, element
from circulant.report.png import photo_uri

SIDE = 72.0  # pixels of an image on the page
LONG, TALL = 150.0, 60.0  # of a sequence
EMPTY = 0.05  # grey levels this close to black or white count as ground
DRAWN = 300  # points of a long sequence that are drawn, each the mean of its neighbours


def example_picture(example: HardExample, data: DataSummary) -> Fragment:
    name = data.classes[example.label]
    if is_image(data):
        height, width = example.pixels.shape[:2]
        scale = SIDE / max(height, width)
        chalk = is_chalk(example)
        return element(
            "img",
            src=photo_uri(1 - example.pixels if chalk else example.pixels),
            alt=f"Test image of class {name}",
            width=round(width * scale),
            height=round(height * scale),
            class_="ink" if chalk or _mostly(example, 1.0) else None,
        )
    lines = [_line(channel.astype(np.float64), example.pixels) for channel in example.pixels]
    return drawing(LONG, TALL, lines, f"Test sequence of class {name}", "series")


def is_chalk(example: HardExample) -> bool:
    """Light strokes on an empty dark ground: shown as ink on paper."""
    return _mostly(example, 0.0)


def _mostly(example: HardExample, ground: float) -> bool:
    """Whether at least half of a grey image is its empty ground."""
    grey = example.pixels.ndim == 2
    return grey and float((np.abs(example.pixels - ground) < EMPTY).mean()) >= 0.5


def _line(channel: NDArray[np.float64], all_channels: NDArray[np.float32]) -> Fragment:
    """One channel, on a scale that all channels of the example share; gaps (NaN) are drawn across."""
    known = np.flatnonzero(np.isfinite(channel))
    if known.size == 0:
        return path([(0, TALL / 2), (LONG, TALL / 2)], "series-line")
    channel = np.interp(np.arange(channel.size), known, channel[known])
    parts = np.array_split(channel, min(DRAWN, channel.size))
    values = np.array([part.mean() for part in parts])
    low, high = float(np.nanmin(all_channels)), float(np.nanmax(all_channels))
    room = high - low if high > low else 1.0
    places = np.linspace(1, LONG - 1, values.size) if values.size > 1 else np.array([LONG / 2])
    heights = TALL - 3 - (values - low) / room * (TALL - 6)
    return path(list(zip(places.tolist(), heights.tolist(), strict=True)), "series-line")
