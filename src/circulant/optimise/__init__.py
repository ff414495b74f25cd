"""Rewrites a trained network so that it computes the same, faster."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from circulant.optimise.archive import load as load
    from circulant.optimise.goals import Goals as Goals
    from circulant.optimise.goals import Objective as Objective
    from circulant.optimise.measure_rewrite import Labelled as Labelled
    from circulant.optimise.pipeline import optimise as optimise

_MODULES = {
    "Goals": "goals",
    "Labelled": "measure_rewrite",
    "Objective": "goals",
    "load": "archive",
    "optimise": "pipeline",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'circulant.optimise' has no attribute {name!r}")
    return getattr(import_module(f"circulant.optimise.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
