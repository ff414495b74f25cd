"""The groups of shapes that are timed, and what is to be reached: workloads.toml as records."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from importlib.resources import files
from typing import Any

from circulant.core.errors import DataError, UnknownNameError
from circulant.core.sizes import Shape


class Passes(Enum):
    """What one call computes."""

    FORWARD = "forward"
    BOTH = "forward and backward"
    TOKEN = "per token"


@dataclass(frozen=True, slots=True)
class Goal:
    """How many times faster ours is meant to be; None: no such goal."""

    default: float | None = None  # than plain torch, default malloc
    tuned: float | None = None  # than the best peer, tuned malloc
    naive: float | None = None  # than the plain sum, tuned malloc


@dataclass(frozen=True, slots=True)
class Group:
    """Shapes judged together by a geometric mean. columns name the numbers of a shape."""

    name: str
    operation: str
    columns: tuple[str, ...]
    shapes: tuple[Shape, ...]
    passes: Passes
    goal: Goal


@lru_cache(maxsize=1)
def groups() -> tuple[Group, ...]:
    """Every group of workloads.toml, in its order."""
    return read_groups(files("circulant.bench").joinpath("workloads.toml").read_text(encoding="utf-8"))


def read_groups(text: str) -> tuple[Group, ...]:
    return tuple(group_from(record) for record in tomllib.loads(text)["group"])


def chosen(known: Sequence[Group], texts: Iterable[str]) -> tuple[Group, ...]:
    """Groups whose name or operation holds one of the texts, whatever the case; all of them for no text."""
    wanted = [text.lower() for text in texts]
    for text in wanted:
        if not any(_holds(group, text) for group in known):
            raise UnknownNameError("group", text, {group.name for group in known})
    return tuple(group for group in known if not wanted or any(_holds(group, text) for text in wanted))


def _holds(group: Group, text: str) -> bool:
    return text in f"{group.name}\n{group.operation}".lower()


def record_of(group: Group) -> dict[str, Any]:
    """As `group_from` reads it; the goal stays behind."""
    return {
        "name": group.name,
        "operation": group.operation,
        "columns": group.columns,
        "shapes": group.shapes,
        "passes": group.passes.value,
    }


def group_from(record: Mapping[str, Any]) -> Group:
    columns = tuple(record["columns"])
    shapes = tuple(tuple(shape) for shape in record["shapes"])
    for shape in shapes:
        if len(shape) != len(columns):
            raise DataError(
                f"expected one number for each of {', '.join(columns)} in a shape of {record['name']!r}, "
                f"got {list(shape)}; correct workloads.toml"
            )
    passes = Passes(record["passes"])
    return Group(record["name"], record["operation"], columns, shapes, passes, Goal(**record.get("goal", {})))
