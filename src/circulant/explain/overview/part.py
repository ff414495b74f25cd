"""A part of an explanation: its numbers, or the reason why there are none."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, final

from circulant.core.errors import CirculantError

Part = TypeVar("Part")

# what code that is not ours raises when it is run in a way that it was not written for
FAILURES = (RuntimeError, TypeError, ValueError, LookupError, AttributeError, ImportError)
LONGEST = 300  # characters of a reason


@final
@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why a part does not apply to this model and this input."""

    reason: str


def attempt(make: Callable[[], Part]) -> Part | LeftOut:
    """What make gives, or why it could not."""
    try:
        return make()
    except CirculantError as error:
        return LeftOut(_one_line(str(error)))
    except FAILURES as error:
        return LeftOut(f"the model cannot be run in this way: {failure(error)}")


def failure(error: BaseException) -> str:
    return _one_line(f"{type(error).__name__}: {error}")


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
