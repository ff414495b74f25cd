"""Frequency response of a module, linearised around real features."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class FrequencyResponse:
    """Mean gain by radial frequency. frequency in cycles per sample, 0 to 0.5, ascending."""

    frequency: NDArray[np.float64]
    gain: NDArray[np.float64]  # relative to the largest, 0..1
