"""The compiled module: whether it is there, and the instruction set that it runs with."""

import os
from enum import Enum
from functools import lru_cache
from importlib import import_module
from typing import Any

from circulant.core.errors import ArgumentError, CirculantError

MODULE = "circulant.backends.native._core"
ISA_VARIABLE = "CIRCULANT_ISA"


class NativeCoreError(CirculantError, ImportError):
    """The native core is asked for but was not built, or cannot be loaded."""


class InstructionSet(Enum):
    """Levels that the core is compiled for, lowest first."""

    BASELINE = "baseline"
    AVX2 = "avx2"
    AVX512 = "avx512"


def load() -> Any:
    """The compiled module."""
    try:
        return _loaded(MODULE)
    except ImportError as error:
        raise NativeCoreError(
            f"expected the compiled module {MODULE}, got {type(error).__name__}: {error}; "
            "reinstall circulant with a C++20 compiler (GCC or Clang), or take the torch backend"
        ) from error


@lru_cache
def _loaded(name: str) -> Any:
    """Python keeps it too, but every call asks for it several times."""
    return import_module(name)


def why_missing() -> str:
    """Why the core cannot be used; empty where it can."""
    try:
        load()
    except NativeCoreError as error:
        return str(error)
    return ""


def is_available() -> bool:
    return not why_missing()


def instruction_set() -> InstructionSet:
    """The machine's highest level, or a lower one that the environment variable CIRCULANT_ISA names."""
    return _highest(os.environ.get(ISA_VARIABLE, ""))


@lru_cache
def _highest(text: str) -> InstructionSet:
    supported = [InstructionSet[isa.name] for isa in load().supported_isas()]
    if not text:
        return supported[-1]
    levels = list(InstructionSet)
    names = [level.value for level in levels]
    if text.lower() not in names:
        raise ArgumentError(
            f"expected {ISA_VARIABLE} to be one of {', '.join(names)}, got {text!r}; correct it or unset it"
        )
    cap = names.index(text.lower())
    return [level for level in supported if levels.index(level) <= cap][-1]
