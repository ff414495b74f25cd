"""Modes of torch in which nonlinear functions are recorded, or replaced by what was recorded.

A mode stands above autograd: what is replayed can be run backwards too, and gives the transposed system.
"""

from collections.abc import Callable, Sequence
from typing import Any, final

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from circulant.core.errors import ArgumentError
from circulant.explain.frozen_steps import FREEZES, Step


@final
class LinearScope(TorchFunctionMode):
    """Inside, a network runs as ever; steps holds what its nonlinear functions did, None for affine ones."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Step | None] = []

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if not _is_frozen(function, args):
            return function(*args, **kwargs)
        options = {key: value for key, value in kwargs.items() if key != "inplace"}
        with torch.no_grad():
            frozen = FREEZES[_name(function)](function, *args, **options)
        self.steps.append(None if frozen is None else frozen.step)
        if frozen is None:
            return function(*args, **kwargs)
        return _delivered(frozen.y, function, args[0], kwargs)


@final
class LinearReplay(TorchFunctionMode):
    """Inside, a network runs with the recorded steps in the place of its nonlinear functions."""

    def __init__(self, steps: Sequence[Step | None]) -> None:
        super().__init__()
        self.steps = iter(steps)

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if not _is_frozen(function, args):
            return function(*args, **kwargs)
        try:
            step = next(self.steps)
        except StopIteration:
            raise ArgumentError(
                "expected a network that runs the same functions for every input, got more of them than "
                "were recorded; give the part of it without branches that depend on the input"
            ) from None
        if step is None:
            return function(*args, **kwargs)
        return _delivered(step(args[0]), function, args[0], kwargs)


def _name(function: Callable[..., Any]) -> str:
    """relu for relu_ too; private functions keep their underscore in front."""
    return getattr(function, "__name__", "").rstrip("_")


def _is_frozen(function: Callable[..., Any], args: tuple[Any, ...]) -> bool:
    """Not what is done to integers: they are places, not features."""
    is_features = bool(args) and isinstance(args[0], Tensor) and args[0].is_floating_point()
    return is_features and _name(function) in FREEZES


def _delivered(y: Tensor, function: Callable[..., Any], z: Tensor, options: dict[str, Any]) -> Any:
    """y as the function would hand it over: in the place of z where it works in place."""
    in_place = options.get("inplace", False) or function.__name__.endswith("_")
    return z.copy_(y) if in_place else y
