"""Tensors in whatever a model returns, and the same without classes of others."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from torch import Tensor


def tensors_in(value: Any, place: str = "the result") -> dict[str, Tensor]:
    """By where they are; of tuples, lists, mappings and dataclasses at any depth, other values left out."""
    if isinstance(value, Tensor):
        return {place: value}
    if is_dataclass(value):
        parts: Any = ((each.name, getattr(value, each.name)) for each in fields(value))
    elif isinstance(value, Mapping):
        parts = value.items()
    elif isinstance(value, list | tuple):
        parts = enumerate(value)
    else:
        return {}
    return {
        name: tensor for key, part in parts for name, tensor in tensors_in(part, f"{place}[{key!r}]").items()
    }


def plain_results(value: Any) -> Any:
    """Mappings and dataclasses as dictionaries, named tuples as tuples, at any depth."""
    if isinstance(value, Mapping):
        return {key: plain_results(part) for key, part in value.items()}
    if is_dataclass(value):
        return {each.name: plain_results(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, tuple):
        return tuple(map(plain_results, value))
    return [plain_results(part) for part in value] if isinstance(value, list) else value
