"""A model as it is named on the command line: `net.py:name`, `package.module:name` or `program.pt2`."""

import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from circulant.core.errors import ArgumentError, CirculantError, DataError, UnknownNameError
from circulant.core.failure_text import failure_text

FORM = "write path/to/net.py:name or package.module:name, where name is a module or a function that gives one"

MODEL_HELP = "net.py:name, package.module:name, or a file .pt2 of torch.export."
ARCHIVE = ".pt2"


def read_model(text: str) -> nn.Module:
    """The module of that name, or what the function (or class) of that name gives without arguments.

    Mistakes in the user's own code are told by their line.
    """
    if text.endswith(ARCHIVE):
        return _from_archive(Path(text).expanduser())
    with _telling(text, Path(text.rpartition(":")[0])):
        return _by_name(text)


def _from_archive(path: Path) -> nn.Module:
    from circulant.optimise.archive import program_in  # slow to import, and seldom needed

    if not path.is_file():
        raise DataError(f"{path}: no such file; {FORM}")
    with _telling(str(path), path):
        module: Any = program_in(path)
    for name in ("train", "eval"):  # torch.export puts refusals there; such a program has one mode
        vars(module).pop(name, None)
    return module


@contextmanager
def _telling(text: str, file: Path) -> Iterator[None]:
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


def _by_name(text: str) -> nn.Module:
    place, _, name = text.rpartition(":")
    if not place or not name.isidentifier():
        raise ArgumentError(f"expected MODEL as a place and a name joined by a colon, got {text!r}; {FORM}")
    source = _file(Path(place).expanduser()) if place.endswith(".py") else _importable(place)
    found = _named(source, name, place)
    if not isinstance(found, nn.Module):
        found = _made(found, text)
    if not isinstance(found, nn.Module):
        raise ArgumentError(f"expected {text} to give a torch.nn.Module, got {type(found).__name__}; {FORM}")
    return found


def _file(path: Path) -> ModuleType:
    """The file as a module of its own name, with its folder first on the path, as when python runs it."""
    if not path.is_file():
        raise DataError(f"{path}: no such file; {FORM}")
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise DataError(f"{path}: expected a file of Python code; {FORM}")
    module = importlib.util.module_from_spec(spec)
    known = sys.modules.get(path.stem)
    sys.modules[path.stem] = module  # what the file defines can be found by its name, as dataclasses do
    try:
        spec.loader.exec_module(module)
    except (SyntaxError, ImportError) as error:
        raise DataError(f"{path}: expected code that can be imported, but {error}; correct it") from error
    finally:
        if known is not None:
            sys.modules[path.stem] = known
    return module


def _importable(place: str) -> ModuleType:
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(place)
    except (SyntaxError, ImportError) as error:
        raise ArgumentError(
            f"expected a module that can be imported, got {place!r}: {error}; {FORM}"
        ) from error


def _named(source: ModuleType, name: str, place: str) -> Any:
    found = vars(source)
    if name not in found:
        known = [key for key, value in found.items() if _is_candidate(value, source)]
        raise UnknownNameError(f"model in {place}", name, known or ["none"])
    return found[name]


def _is_candidate(value: Any, source: ModuleType) -> bool:
    """A module, or a function or class of the file's own."""
    own = callable(value) and getattr(value, "__module__", None) == source.__name__
    return own or isinstance(value, nn.Module)


def _made(found: Any, text: str) -> Any:
    if not callable(found):
        raise ArgumentError(
            f"expected {text} to be a module or a function, got {type(found).__name__}; {FORM}"
        )
    try:
        inspect.signature(found).bind()
    except TypeError as error:
        raise ArgumentError(
            f"expected {text} to need no arguments, but {error}; write a function that fills them in"
        ) from error
    except ValueError:
        pass  # a callable of C code tells no signature
    return found()
