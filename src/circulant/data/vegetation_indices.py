"""Vegetation indices of Sentinel-2's bands, and which bands they need."""

from collections.abc import Collection
from enum import Enum

from torch import Tensor

BANDS = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12")
SOIL_SLOPE = 1.0  # near infrared over red of bare soil


class VegetationIndex(Enum):
    """What is read from a plant: leaf area from WDVI, chlorophyll from TCARI over OSAVI."""

    WDVI = ("B4", "B8")
    TCARI_OSAVI = ("B3", "B4", "B5", "B8")


def bands_of(indices: Collection[VegetationIndex], bands: tuple[str, ...] = BANDS) -> tuple[int, ...]:
    """Places of the bands that the indices need."""
    needed = {name for index in indices for name in index.value}
    return tuple(place for place, name in enumerate(bands) if name in needed)


def wdvi(red: Tensor, near_infrared: Tensor, soil_slope: float = SOIL_SLOPE) -> Tensor:
    """Weighted difference vegetation index."""
    return near_infrared - soil_slope * red


def tcari_over_osavi(green: Tensor, red: Tensor, red_edge: Tensor, near_infrared: Tensor) -> Tensor:
    """Chlorophyll absorption, transformed, over the soil-adjusted index; reflectances above 0."""
    tcari = 3 * ((red_edge - red) - 0.2 * (red_edge - green) * red_edge / red)
    osavi = 1.16 * (near_infrared - red) / (near_infrared + red + 0.16)
    return tcari / osavi
