"""A bundled set to learn denoising from: crops of photographs, with noise and without."""

import numpy as np

from circulant.data.dataset import Dataset
from circulant.data.fields import TEST, TRAIN, Fields, field_dataset
from circulant.data.restoration import HELD_OUT_SCENES, TRAINING_SCENES
from circulant.data.scenes import scene_patches

SIDE = 32
DEVIATION = 0.1  # of the noise; grey goes from 0 to 1
SEED = 2010


def noisy_photographs() -> Dataset:
    """Always the same pairs; what is tested on comes from other photographs."""
    origin = (
        f"Crops of {SIDE} x {SIDE} pixels of scikit-image's photographs in grey, from Gaussian noise of "
        f"deviation {DEVIATION:g} to without; for testing of {len(HELD_OUT_SCENES)} photographs apart."
    )
    train, test = _pairs(2 * TRAIN, SEED, TRAINING_SCENES), _pairs(TEST, SEED + 1, HELD_OUT_SCENES)
    return field_dataset("Noisy photographs", origin, train, test)


def _pairs(count: int, seed: int, file_names: tuple[str, ...]) -> Fields:
    sharp = scene_patches(SIDE, count, seed, file_names)
    noise = np.random.default_rng(seed).standard_normal(sharp.shape, dtype=np.float32)
    return Fields(sharp + DEVIATION * noise, sharp)
