"""Effective receptive field."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """Mean |dy_centre / dx| over channels and examples; share sums to 1. share (H, W), or (1, L)."""

    share: NDArray[np.float64]
    half_side: int  # side in samples of the smallest centred square (interval) with half of it
    even_half_side: int  # the same for a map of equal shares: what an even spread would give
