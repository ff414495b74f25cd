"""Records as texts by the names of their fields, for files and for the pipe between processes."""

from collections.abc import Mapping
from dataclasses import fields
from enum import Enum
from math import isnan
from typing import Any, TypeVar, get_type_hints

Record = TypeVar("Record")
TRUTH = {"yes": True, "no": False}


def types_of(kind: type[Any]) -> dict[str, Any]:
    """The type of each field, in order."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def cells_of(record: Any) -> dict[str, str]:
    return {name: _cell(getattr(record, name)) for name in types_of(type(record))}


def record_of(kind: type[Record], cells: Mapping[str, str]) -> Record:
    return kind(**{name: _value(type_, cells[name]) for name, type_ in types_of(kind).items()})


def _cell(value: Any) -> str:
    """Numbers to six digits; one that is none is empty."""
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "" if isnan(value) else f"{value:.6g}"
    return str(value)


def _value(type_: Any, cell: str) -> Any:
    if type_ is bool:
        return TRUTH[cell]
    if type_ is float:
        return float(cell) if cell else float("nan")
    return type_(cell)
