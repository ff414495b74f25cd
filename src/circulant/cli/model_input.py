"""What a model is run on, as the command line names it: a picture, a sound, series, a set, or noise."""

from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from torch import Tensor

from circulant.core.errors import ArgumentError
from circulant.core.sizes import Shape
from circulant.data.audio_file import read_audio
from circulant.data.dataset import Dataset
from circulant.data.installed import require
from circulant.data.load import load
from circulant.data.task import Task

EXAMPLES = 32  # of a set, where --input does not say how many
SPLIT_SEED = 0
SERIES = {".ts", ".csv"}


@final
@dataclass(frozen=True, slots=True)
class Asked:
    """The options as they were typed; one of the first four at most, or --input alone."""

    image: Path | None = None
    audio: Path | None = None
    series: Path | None = None
    data: str | None = None
    shape: Shape | None = None


@final
@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """x (B, ...); source says in words what it is."""

    x: Tensor
    source: str
    classes: tuple[str, ...] = ()
    labels: tuple[int, ...] = ()
    is_noise: bool = False


def read_input(asked: Asked) -> Given:
    files = {"--image": asked.image, "--audio": asked.audio, "--series": asked.series, "--data": asked.data}
    given = [name for name, value in files.items() if value is not None]
    if len(given) > 1:
        raise ArgumentError(
            f"expected one of {', '.join(files)}, got {' and '.join(given)}; run them in turn"
        )
    if asked.image is not None:
        return _picture(asked.image, asked.shape)
    if asked.audio is not None:
        return _sound(asked.audio, asked.shape)
    if asked.series is not None:
        return _series(asked.series, asked.shape)
    if asked.data is not None:
        return _examples(load(asked.data, None, None, SPLIT_SEED), asked.shape)
    return _noise(asked.shape)


def _noise(shape: Shape | None) -> Given:
    if shape is None or len(shape) < 2 or 0 in shape:
        raise ArgumentError(
            "expected --image, --audio, --series or --data, or --input with two sizes or more, for example "
            f"1x3x224x224, got {'none' if shape is None else shape}; say what the model is to be run on"
        )
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    return Given(drawn, "noise of variance 1, as no example was given", is_noise=True)


def _picture(path: Path, shape: Shape | None) -> Given:
    require("PIL", "compare")
    from PIL import Image, ImageOps

    from circulant.data.picture_file import Colour, colour_of, read_picture, to_array

    _require_one("--image", shape, ("C", "H", "W"))
    picture = read_picture(path)
    colour = colour_of(picture)
    how = ""
    if shape is not None:
        if shape[1] not in (1, 3):
            raise ArgumentError(
                f"expected --input with 1 channel (grey) or 3 (red, green, blue), got {shape[1]}; "
                "a picture has no others"
            )
        colour = Colour.GREY if shape[1] == 1 else Colour.RGB
        size = (shape[3], shape[2])
        how = f", scaled and cut to {shape[2]} × {shape[3]}" if picture.size != size else ""
        picture = ImageOps.fit(picture, size, method=Image.Resampling.BICUBIC)
    return Given(torch.from_numpy(to_array(picture, colour))[None], f"{path.name}{how}, from 0 to 1")


def _sound(path: Path, shape: Shape | None) -> Given:
    _require_one("--audio", shape, ("C", "L"))
    sound = read_audio(path)
    values, how = sound.values, ""
    if shape is not None:
        if shape[1] == 1 and len(values) > 1:
            values, how = values.mean(0, keepdims=True), ", mean of its channels"
        if shape[1] != len(values):
            raise ArgumentError(
                f"expected --input with the {len(values)} channels of {path.name} or with 1, got {shape[1]}; "
                "channels are not made up"
            )
        missing = shape[2] - values.shape[1]
        how += f", {'cut' if missing < 0 else 'padded with zeros'} to {shape[2]} samples" if missing else ""
        values = np.pad(values[:, : shape[2]], ((0, 0), (0, max(missing, 0))))
    source = f"{path.name} at {sound.rate:,} samples per second{how}, from −1 to 1"
    return Given(torch.from_numpy(values)[None], source)


def _series(path: Path, shape: Shape | None) -> Given:
    if path.suffix.lower() not in SERIES:
        raise ArgumentError(f"expected --series with a file .ts or .csv, got {path.name}; convert it")
    return _examples(load(str(path), None, None, SPLIT_SEED), shape)


def _examples(dataset: Dataset, shape: Shape | None) -> Given:
    """The first test examples, as many as --input says."""
    if shape is not None and shape[1:] != dataset.shape:
        example = "x".join(map(str, dataset.shape))
        raise ArgumentError(
            f"expected --input to end in {example}, an example of {dataset.name}, got "
            f"{'x'.join(map(str, shape))}; leave --input out, or write for example 16x{example}"
        )
    count = min(EXAMPLES if shape is None else shape[0], len(dataset.test))
    if count < 1:
        raise ArgumentError("expected --input to begin with how many examples, 1 or more, got 0; 32 is usual")
    part = dataset.test
    has_classes = dataset.task is Task.CLASSIFICATION
    return Given(
        torch.from_numpy(np.ascontiguousarray(part.x[:count])),
        f"the first {count} test examples of {dataset.name}",
        dataset.classes if has_classes else (),
        tuple(part.y[:count].tolist()) if has_classes else (),
    )


def _require_one(option: str, shape: Shape | None, axes: tuple[str, ...]) -> None:
    if shape is not None and (len(shape) != len(axes) + 1 or shape[0] != 1 or 0 in shape):
        raise ArgumentError(
            f"expected --input 1x{'x'.join(axes)} with {option}, as one file is one example, got "
            f"{'x'.join(map(str, shape))}; write the sizes that the model was made for"
        )
