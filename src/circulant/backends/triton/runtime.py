"""Whether Triton can be used here: on a GPU, or on a CPU in its interpreter, which is for tests."""

from importlib import import_module
from typing import Any

from circulant.core.errors import CirculantError

MODULE = "triton"
INTERPRET_VARIABLE = "TRITON_INTERPRET"


class TritonMissingError(CirculantError, ImportError):
    """Triton is asked for but is not installed, or cannot be loaded."""


def load() -> Any:
    """The package triton; Python keeps it after the first time."""
    try:
        return import_module(MODULE)
    except ImportError as error:
        raise TritonMissingError(
            f"expected the package {MODULE}, got {type(error).__name__}: {error}; "
            "install circulant[triton], or take the torch backend"
        ) from error


def why_missing() -> str:
    """Why Triton cannot be used at all; empty where it can."""
    try:
        load()
    except TritonMissingError as error:
        return str(error)
    return ""


def is_available() -> bool:
    return not why_missing()


def why_not_interpreted() -> str:
    """Why kernels cannot run on tensors in the CPU's memory; empty where they can.

    Triton decides when a kernel is defined, its own ones while it is imported.
    """
    if missing := why_missing():
        return missing
    triton = load()
    if not triton.knobs.runtime.interpret:
        return f"the interpreter, for tests on a CPU, is off; set {INTERPRET_VARIABLE}=1 before Python starts"
    if isinstance(triton.language.zeros, triton.runtime.JITFunction):
        return f"triton was imported before {INTERPRET_VARIABLE} was set; set it before Python starts"
    return ""
