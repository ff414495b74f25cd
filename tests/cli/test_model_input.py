"""What the options for the input become."""

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import wavfile

from circulant.cli.model_input import EXAMPLES, Asked, read_input
from circulant.core.errors import ArgumentError, DataError, UnknownNameError
from circulant.data.mnist import mnist_5k


@pytest.fixture
def picture(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "cat.png")
    return tmp_path / "cat.png", pixels


@pytest.fixture
def sound(tmp_path):
    samples = np.random.default_rng(0).integers(-(2**15), 2**15, (50, 2)).astype(np.int16)
    wavfile.write(tmp_path / "song.wav", 8000, samples)
    return tmp_path / "song.wav", samples


def test_a_picture_is_read_as_it_is_from_0_to_1(picture):
    path, pixels = picture
    found = read_input(Asked(image=path))
    np.testing.assert_allclose(found.x[0].numpy(), pixels.transpose(2, 0, 1) / 255, atol=1e-6)
    assert found.source == "cat.png, from 0 to 1"
    assert not found.is_noise


def test_a_picture_is_scaled_to_the_size_and_channels_of_the_input(picture):
    path, pixels = picture
    found = read_input(Asked(image=path, shape=(1, 3, 10, 15)))
    assert found.x.shape == (1, 3, 10, 15)
    assert abs(float(found.x.mean()) - pixels.mean() / 255) < 0.01
    assert found.source == "cat.png, scaled and cut to 10 × 15, from 0 to 1"
    assert read_input(Asked(image=path, shape=(1, 1, 8, 8))).x.shape == (1, 1, 8, 8)


def test_a_sound_is_read_from_minus_1_to_1_and_cut_padded_and_averaged(sound):
    path, samples = sound
    found = read_input(Asked(audio=path))
    np.testing.assert_allclose(found.x[0].numpy(), samples.T / 2**15, atol=1e-6)
    assert found.source == "song.wav at 8,000 samples per second, from −1 to 1"
    longer = read_input(Asked(audio=path, shape=(1, 1, 60)))
    np.testing.assert_allclose(longer.x[0, 0, :50].numpy(), samples.mean(1) / 2**15, atol=1e-6)
    assert (longer.x[0, 0, 50:] == 0).all()
    assert "mean of its channels, padded with zeros to 60 samples" in longer.source
    shorter = read_input(Asked(audio=path, shape=(1, 2, 20)))
    assert shorter.x.shape == (1, 2, 20) and "cut to 20 samples" in shorter.source


def test_of_a_set_the_first_test_examples_are_taken_with_their_classes():
    test = mnist_5k(0).test
    found = read_input(Asked(data="mnist5k"))
    np.testing.assert_array_equal(found.x.numpy(), test.x[:EXAMPLES])
    assert found.labels == tuple(test.y[:EXAMPLES].tolist())
    assert found.classes == tuple("0123456789")
    fewer = read_input(Asked(data="mnist5k", shape=(5, 1, 28, 28)))
    assert len(fewer.x) == len(fewer.labels) == 5
    assert fewer.source == "the first 5 test examples of MNIST-5k"


def test_series_are_read_by_the_readers_of_data(tmp_path):
    rows = [",".join(map(str, [*range(n, n + 12), "ab"[n % 2]])) for n in range(20)]
    (tmp_path / "waves.csv").write_text("\n".join(rows))
    found = read_input(Asked(series=tmp_path / "waves.csv"))
    assert found.x.shape == (4, 1, 12) and found.classes == ("a", "b")


def test_fields_have_no_classes():
    found = read_input(Asked(data="burgers", shape=(3, 1, 64)))
    assert found.x.shape == (3, 1, 64) and found.classes == found.labels == ()


def test_without_an_example_the_input_is_noise_and_always_the_same():
    found, again = (read_input(Asked(shape=(2, 3, 5, 5))) for _ in range(2))
    assert found.is_noise and torch.equal(found.x, again.x)
    assert found.x.shape == (2, 3, 5, 5)


def test_wrong_use_is_refused_in_words(picture, sound, tmp_path):
    (tmp_path / "notes.txt").write_text("words")
    (tmp_path / "broken.wav").write_bytes(b"RIFF....")
    wrong = [
        (Asked(), ArgumentError, "expected --image, --audio, --series or --data, or --input"),
        (Asked(shape=(3,)), ArgumentError, "two sizes or more"),
        (Asked(shape=(1, 0, 3)), ArgumentError, "two sizes or more"),
        (Asked(image=picture[0], data="mnist5k"), ArgumentError, "got --image and --data"),
        (Asked(image=picture[0], shape=(2, 3, 8, 8)), ArgumentError, "1xCxHxW with --image"),
        (Asked(image=picture[0], shape=(1, 3, 8)), ArgumentError, "1xCxHxW with --image"),
        (Asked(image=picture[0], shape=(1, 4, 8, 8)), ArgumentError, "1 channel .grey. or 3"),
        (Asked(image=tmp_path / "no.png"), DataError, "cannot be decoded"),
        (Asked(image=tmp_path / "notes.txt"), DataError, "cannot be decoded"),
        (Asked(audio=sound[0], shape=(1, 3, 8)), ArgumentError, "with the 2 channels of song.wav"),
        (Asked(audio=sound[0], shape=(1, 8)), ArgumentError, "1xCxL with --audio"),
        (Asked(audio=tmp_path / "broken.wav"), DataError, "expected a .wav file"),
        (Asked(audio=tmp_path / "no.wav"), DataError, "expected a .wav file"),
        (Asked(series=tmp_path / "notes.txt"), ArgumentError, "a file .ts or .csv"),
        (Asked(series=tmp_path / "no.csv"), DataError, "no such file"),
        (Asked(data="mnist6k"), UnknownNameError, "did you mean mnist5k"),
        (Asked(data="mnist5k", shape=(4, 1, 28, 27)), ArgumentError, "end in 1x28x28"),
        (Asked(data="mnist5k", shape=(0, 1, 28, 28)), ArgumentError, "1 or more"),
    ]
    for asked, error, words in wrong:
        with pytest.raises(error, match=words):
            read_input(asked)
