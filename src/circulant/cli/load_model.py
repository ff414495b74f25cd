"""From `net.py:model`, `package.module:name` or a file of torch.export to a module."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from circulant.cli.model_argument import read_model
from circulant.core.errors import ArgumentError, CirculantError
from circulant.core.failure_text import failure_text

ARCHIVE = ".pt2"


def load_model(text: str) -> nn.Module:
    """A model of an archive, or as `read_model` reads it; mistakes in a file are told by their line."""
    if text.endswith(ARCHIVE):
        return _from_archive(Path(text))
    with _telling(text, Path(text.rpartition(":")[0])):
        return read_model(text)


def _from_archive(path: Path) -> nn.Module:
    if not path.is_file():
        raise ArgumentError(f"expected an exported program, found no file {path}")
    with _telling(str(path), path):
        module: Any = torch.export.load(path).module()
    for name in ("train", "eval"):  # torch.export puts refusals there; such a program has one mode
        vars(module).pop(name, None)
    return module


@contextmanager
def _telling(text: str, file: Path) -> Iterator[None]:
    """What goes wrong in the user's own code is told by its line."""
    try:
        yield
    except CirculantError:
        raise
    except (Exception, SystemExit) as error:  # a user's file may raise anything
        lines = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if Path(frame.filename).name == file.name
        ]
        place = f"{file}, line {lines[-1]}" if lines else text
        raise ArgumentError(
            f"expected {text} to load, but {place}: {failure_text(error)}; correct it"
        ) from error
