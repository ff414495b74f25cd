"""The record that each operator file ends with: what the rest of the library may know of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from torch import Tensor

from circulant.core.operator import Operator
from circulant.core.sizes import Shape


class Law(Enum):
    """A property that the contract verifies for any operator that claims it."""

    LINEAR = "linear in x: f(a x + b z) = a f(x) + b f(z) - (a + b - 1) f(0)"
    SHIFT_EQUIVARIANT = "a circular shift of x shifts y alike"
    PERMUTATION_EQUIVARIANT = "permuting positions of x permutes y alike"
    CAUSAL = "y at l does not depend on x after l"
    DEPTHWISE = "each output channel depends on its own input channel only"
    STREAMS = "has initial_state and step, equal to forward for every chunking"


@dataclass(frozen=True, slots=True)
class Paper:
    """Where an operator or component was described."""

    authors: str
    year: int
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A component that realises a paper: import path under `circulant.` and the test that proves it."""

    title: str
    component: str
    test: str


@dataclass(frozen=True, slots=True)
class Case:
    """One configuration that every contract check runs."""

    shape: Shape  # of x
    make: Callable[[], Operator]
    options: Mapping[str, Any] = field(default_factory=dict)  # handed to the reference by name

    def __str__(self) -> str:
        named = ",".join(f"{key}={value}" for key, value in self.options.items())
        return "x".join(map(str, self.shape)) + (f"-{named}" if named else "")


@dataclass(frozen=True, slots=True)
class BadInput:
    """An input that must be refused, the words its message must hold, and its dtype if not float32."""

    shape: Shape
    make: Callable[[], Operator]
    says: str
    integer: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """One operator of the catalogue, or one n-D family of it.

    reference(x, state, **options) is naive torch code; state maps the module's parameters and
    buffers by name. mixer(channels, spatial) builds a module that maps (B, channels, *spatial)
    to itself, as `circulant compare` needs it.
    """

    operators: tuple[type[Operator], ...]
    reference: Callable[..., Tensor]
    papers: tuple[Paper, ...]
    laws: frozenset[Law]
    cases: tuple[Case, ...]
    refuses: tuple[BadInput, ...]
    mixer: Callable[[int, Shape], Operator]
    exempt: Mapping[str, str] = field(default_factory=dict)  # check name -> why it cannot hold

    @property
    def module(self) -> str:
        """Import path of the operator file."""
        return self.operators[0].__module__

    @property
    def room(self) -> str:
        return self.module.split(".")[2]

    @property
    def name(self) -> str:
        """Name of the first operator of the family."""
        return self.operators[0].__name__

    @property
    def ndims(self) -> tuple[int, ...]:
        return tuple(sorted({ndim for operator in self.operators for ndim in operator.ndims}))
