"""Sounds of every kind of number come out between -1 and 1."""

import numpy as np
import pytest
from scipy.io import wavfile

from circulant.core.errors import DataError
from circulant.data.audio_file import read_audio

WAVE = np.sin(np.arange(100) / 5)


@pytest.mark.parametrize(
    ("samples", "step"),
    [
        (np.round(WAVE * 127 + 128).astype(np.uint8), 2**-7),
        (np.round(WAVE * (2**15 - 1)).astype(np.int16), 2**-15),
        (np.round(WAVE * (2**31 - 1)).astype(np.int32), 2**-22),
        (WAVE.astype(np.float32), 1e-7),
    ],
    ids=["8 bits", "16 bits", "32 bits", "real"],
)
def test_the_wave_comes_back_within_a_step_and_the_half_of_its_rounding(tmp_path, samples, step):
    wavfile.write(tmp_path / "a.wav", 16000, samples)
    found = read_audio(tmp_path / "a.wav")
    assert found.rate == 16000
    assert found.values.shape == (1, 100) and found.values.dtype == np.float32
    np.testing.assert_allclose(found.values[0], WAVE, atol=1.5 * step)


def test_the_ends_of_the_scale_are_minus_one_and_just_below_one(tmp_path):
    for kind in (np.uint8, np.int16):
        limits = np.iinfo(kind)
        wavfile.write(tmp_path / "a.wav", 8000, np.array([limits.min, limits.max], dtype=kind))
        low, high = read_audio(tmp_path / "a.wav").values[0]
        assert low == -1 and 1 - 2**-6 < high < 1


def test_channels_come_first(tmp_path):
    wavfile.write(tmp_path / "a.wav", 8000, np.stack([WAVE, -WAVE], 1).astype(np.float32))
    left, right = read_audio(tmp_path / "a.wav").values
    np.testing.assert_array_equal(left, -right)


def test_a_file_without_samples_is_refused(tmp_path):
    wavfile.write(tmp_path / "a.wav", 8000, np.zeros(0, dtype=np.int16))
    with pytest.raises(DataError, match=r"no samples|cannot be read"):
        read_audio(tmp_path / "a.wav")
