"""Other people's code, which may raise anything, run so that a failure is a value."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, final

from circulant.core.errors import CirculantError
from circulant.core.failure_text import failure_text

Value = TypeVar("Value")


@final
@dataclass(frozen=True, slots=True)
class Failure:
    reason: str


def tried(work: Callable[[], Value]) -> Value | Failure:
    """Messages of ours as they are; of others the kind and the first line."""
    try:
        return work()
    except CirculantError as error:
        return Failure(str(error))
    except Exception as error:  # noqa: BLE001  # a user's model or pass; the reason is told, nothing is hidden
        return Failure(failure_text(error))
