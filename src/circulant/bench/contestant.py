"""Whoever takes part: ours, torch's own code, and peers."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from torch import Tensor

from circulant.bench.case import Case
from circulant.core.sizes import Shape

Tensors = tuple[Tensor, ...]
Call = Callable[[], Tensors]
"""One timed call: fresh results each time."""


class Role(Enum):
    OURS = "ours"
    VARIANT = "ours in another way"  # shown, and neither judged nor a peer
    TORCH = "torch"  # what plain torch code in the default layout takes
    PEER = "peer"


class Layout(Enum):
    CONTIGUOUS = "contiguous"
    CHANNELS_LAST = "channels last"


@dataclass(frozen=True, slots=True)
class Package:
    """The distribution that is timed, and the module by which it is imported."""

    distribution: str
    module: str

    @property
    def is_installed(self) -> bool:
        return find_spec(self.module) is not None

    @property
    def version(self) -> str:
        """Empty where it is not known."""
        try:
            return version(self.distribution)
        except PackageNotFoundError:
            return ""


TORCH = Package("torch", "torch")
OURS = Package("circulant", "circulant")


def everything(_shape: Shape) -> str:
    """Refuses no shape."""
    return ""


@dataclass(frozen=True, slots=True)
class Contestant:
    """prepare does once what is not timed: conversion of layouts, compilation, loading of a model.

    refuses says why a shape is not for it; empty where it is. way says how ours computes, where the
    planner is not asked.
    """

    name: str
    role: Role
    prepare: Callable[[Case], Call]
    package: Package = TORCH
    layout: Layout = Layout.CONTIGUOUS
    has_backward: bool = True
    refuses: Callable[[Shape], str] = everything
    way: Callable[[Case], str] | None = None

    @property
    def is_ours(self) -> bool:
        return self.role in (Role.OURS, Role.VARIANT)
