"""The set to learn denoising from."""

import numpy as np

from circulant.data.load import load
from circulant.data.noisy_photographs import DEVIATION
from circulant.data.task import Task


def test_noise_of_the_stated_size_lies_on_crops_that_are_always_the_same():
    dataset = load("noisy-photographs", None, None, 0)
    assert dataset.task is Task.FIELD
    assert dataset.shape == (1, 32, 32)
    assert (len(dataset.train), len(dataset.test)) == (512, 64)
    assert dataset.fingerprint == load("noisy-photographs", None, None, 7).fingerprint
    noise = dataset.train.x - dataset.train.y
    assert abs(noise.std() / DEVIATION - 1) < 0.01
    assert abs(noise.mean()) < 0.001
    assert abs(np.corrcoef(noise[:, :, 1:].ravel(), noise[:, :, :-1].ravel())[0, 1]) < 0.01


def test_crops_for_testing_are_not_among_those_for_training():
    dataset = load("noisy-photographs", None, None, 0)
    seen = {crop.tobytes() for crop in dataset.train.y}
    assert not seen & {crop.tobytes() for crop in dataset.test.y}
