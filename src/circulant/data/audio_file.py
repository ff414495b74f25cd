"""One sound from disk as an array."""

from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from circulant.core.errors import DataError
from circulant.data.installed import require


@final
@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """values (C, L) from -1 to 1; rate in samples per second."""

    values: NDArray[np.float32]
    rate: int


def read_audio(path: Path) -> Sound:
    """A .wav file of whole or real numbers. Needs scipy."""
    require("scipy", "compare")
    from scipy.io import wavfile

    try:
        rate, samples = wavfile.read(path)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path}: expected a .wav file, but it cannot be read ({error}); convert it"
        ) from error
    if samples.size == 0:
        raise DataError(f"{path}: expected a sound, got no samples; check the file")
    channels = np.atleast_2d(samples.T)
    return Sound(np.ascontiguousarray(_scaled(channels)), int(rate))


def _scaled(samples: NDArray[np.generic]) -> NDArray[np.float32]:
    """8-bit files have no sign, with the middle at 128; those of real numbers are in -1..1 already."""
    if np.issubdtype(samples.dtype, np.floating):
        return samples.astype(np.float32)
    limits = np.iinfo(samples.dtype)  # type: ignore[type-var]
    middle = (limits.max + 1 + limits.min) // 2
    half = limits.max + 1 - middle
    return ((samples.astype(np.float64) - middle) / half).astype(np.float32)
