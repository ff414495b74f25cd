"""From `net.py:model`, `package.module:name` or a file of torch.export to a module."""

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.core.failure_text import failure_text

ARCHIVE = ".pt2"
FORMS = "write net.py:model, package.module:name or model.pt2"


def load_model(text: str) -> nn.Module:
    """A module, or what a function or class of that name returns when it is called without arguments."""
    if text.endswith(ARCHIVE):
        return _from_archive(Path(text))
    source, colon, name = text.rpartition(":")
    if not colon or not source or not name:
        raise ArgumentError(f"expected a file or module and a name in it, got {text!r}; {FORMS}")
    file = Path(source)
    with _telling(text, file):
        module = _from_file(file) if source.endswith(".py") else _from_package(source)
    if name not in vars(module):
        raise ArgumentError(f"expected {name!r} in {source}, found {_names(module)}")
    found = vars(module)[name]
    if not isinstance(found, nn.Module) and callable(found):
        with _telling(text, file):
            found = found()
    if not isinstance(found, nn.Module):
        raise ArgumentError(
            f"expected {text} to be a torch.nn.Module or to return one, got {type(found).__name__}"
        )
    return found


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ArgumentError(f"expected a file, found none at {path}; {FORMS}")
    name = f"circulant_user_{path.stem}"
    spec = spec_from_file_location(name, path.resolve())
    assert spec is not None and spec.loader is not None  # the file is there and ends in .py
    module = module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.resolve().parent))  # as Python does for a script
    spec.loader.exec_module(module)
    return module


def _from_package(source: str) -> ModuleType:
    sys.path.insert(0, str(Path.cwd()))
    return import_module(source)


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
    except ArgumentError:
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


def _names(module: ModuleType) -> str:
    models = [name for name, value in vars(module).items() if isinstance(value, nn.Module)]
    others = [
        name
        for name, value in vars(module).items()
        if callable(value) and getattr(value, "__module__", "") == module.__name__
    ]
    return ", ".join([*models, *others]) or "no model and no function"
