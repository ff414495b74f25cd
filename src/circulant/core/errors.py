"""Every error the library raises on purpose. A message says what was needed, what came, what to do."""

from collections.abc import Iterable
from difflib import get_close_matches


class CirculantError(Exception):
    """Base class, so that a caller can catch the library's own errors alone."""


class ArgumentError(CirculantError, ValueError):
    """An argument has a value that is not allowed."""


class ShapeError(CirculantError, ValueError):
    """A tensor's shape does not fit the operator."""


class DtypeError(CirculantError, TypeError):
    """A tensor's dtype does not fit the operator, or two tensors disagree."""


class DeviceError(CirculantError, RuntimeError):
    """Two tensors that must live together are on different devices."""


class NoPlanError(CirculantError, RuntimeError):
    """No implementation accepts the problem; the message says why each refused."""


class DataError(CirculantError, ValueError):
    """A data source cannot be read, or does not hold what is needed."""


class TrainingError(CirculantError, RuntimeError):
    """Training cannot go on: the loss is no longer finite."""


class StoreError(CirculantError, RuntimeError):
    """A results file is damaged or belongs to something else."""


class MissingExtraError(CirculantError, ImportError):
    """A package that an optional feature needs is not installed."""


class UnknownNameError(CirculantError, KeyError):
    """A name from outside (the command line, a text argument) is not known."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = get_close_matches(name, names, n=3, cutoff=0.5)
        advice = f"did you mean {', '.join(near)}?" if near else f"known: {', '.join(names)}"
        super().__init__(f"no {kind} named {name!r}; {advice}")

    def __str__(self) -> str:  # KeyError would print the repr
        return str(self.args[0])
