"""What a small instance of a module is, for the tables of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import nn


@final
@dataclass(frozen=True, slots=True)
class Small:
    """build: a module in training mode; draw: the arguments of a call."""

    build: Callable[[], nn.Module]
    draw: Callable[[], tuple[Any, ...]]


def on(build: Callable[[], nn.Module], *shapes: tuple[int, ...]) -> Small:
    return Small(build, lambda: tuple(torch.randn(shape) for shape in shapes))


def on_codes(build: Callable[[], nn.Module], *shape: int) -> Small:
    """Integers below 7."""
    return Small(build, lambda: (torch.randint(7, shape),))


def pyramid() -> tuple[list[torch.Tensor]]:
    return ([torch.randn(2, 3, side, side) for side in (12, 6, 3)],)
