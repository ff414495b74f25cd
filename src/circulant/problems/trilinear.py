"""The one algebra behind every convolution-like problem.

A convolution y = f(x, k) is linear in x and in k, so <f(x, k), g> is a trilinear form of input,
kernel and output gradient. Solving it for one of the three slots gives the forward pass or one of
the two gradients; differentiating a solution solves the same form for another slot. Every
derivative of every order is therefore a problem of the same family, planned by the same engine.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Self

from circulant.core.sizes import Shape
from circulant.problems.problem import Problem


class Slot(Enum):
    """The argument of the trilinear form that is solved for."""

    OUTPUT = "output"
    INPUT = "input"
    KERNEL = "kernel"


OPERANDS = {
    Slot.OUTPUT: (Slot.INPUT, Slot.KERNEL),
    Slot.INPUT: (Slot.OUTPUT, Slot.KERNEL),
    Slot.KERNEL: (Slot.INPUT, Slot.OUTPUT),
}
"""The two tensors that a problem takes, in this order."""


@dataclass(frozen=True, slots=True)
class TrilinearProblem(Problem):
    """Abstract. A problem of the form above, solved for one slot."""

    slot: Slot

    @property
    @abstractmethod
    def slot_shapes(self) -> Mapping[Slot, Shape]: ...

    @abstractmethod
    def for_slot(self, slot: Slot) -> Self:
        """The same form, solved for another argument."""

    @property
    def operand_shapes(self) -> tuple[Shape, ...]:
        return tuple(self.slot_shapes[slot] for slot in OPERANDS[self.slot])

    @property
    def result_shape(self) -> Shape:
        return self.slot_shapes[self.slot]
