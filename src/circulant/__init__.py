"""Convolution, complete: convolution-like operators as fast, tested, drop-in PyTorch modules."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from circulant import functional as functional
    from circulant import nn as nn
    from circulant.engine.choice import use as use
    from circulant.functional import plan as plan

__version__ = "0.1.0"

_LAZY = {
    "functional": ("circulant.functional", None),
    "nn": ("circulant.nn", None),
    "plan": ("circulant.functional", "plan"),
    "use": ("circulant.engine.choice", "use"),
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'circulant' has no attribute {name!r}")
    module, attribute = _LAZY[name]
    loaded = import_module(module)
    return loaded if attribute is None else getattr(loaded, attribute)


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
