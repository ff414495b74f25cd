"""A part of an explanation: its numbers, or the reason why there are none."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, final

from circulant.core.tried import Failure, tried

Part = TypeVar("Part")

LONGEST = 300  # characters of a reason


@final
@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why a part does not apply to this model and this input."""

    reason: str


def attempt(make: Callable[[], Part]) -> Part | LeftOut:
    """What make gives, or why it could not."""
    found = tried(make)
    return LeftOut(_one_line(found.reason)) if isinstance(found, Failure) else found


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
