"""One pass of an optimisation."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import final

from torch import nn

from circulant.core.tried import Failure, tried
from circulant.optimise.example import Example


@final
@dataclass(frozen=True, slots=True)
class Changed:
    model: nn.Module
    words: str  # what changed


@final
@dataclass(frozen=True, slots=True)
class Refused:
    reason: str


@final
@dataclass(frozen=True, slots=True)
class Pass:
    """apply is given a copy, which it may change in place, in evaluation mode or, where it is to be trained,
    in training mode.

    An exact pass promises the same function. Others are tried only where the user names them. One that
    simplifies leaves less to compute: it is kept for the passes after it unless it is slower beyond doubt.
    """

    name: str
    gist: str
    is_exact: bool
    apply: Callable[[nn.Module, Example], Changed | Refused]
    simplifies: bool = False

    def applied(self, model: nn.Module, example: Example) -> Changed | Refused:
        """On a copy of the model; whatever is raised is a refusal."""
        found = tried(lambda: self.apply(deepcopy(model), example))
        return Refused(found.reason) if isinstance(found, Failure) else found
