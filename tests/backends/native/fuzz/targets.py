"""Everything that the native rows of the table can be called for, with what must come of it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import final

import torch
from hypothesis import strategies as st
from tests.backends.native.fuzz.oracle import expected, operands_of
from tests.engine.drawn_problems import LARGE, problems_for
from torch import Tensor

from circulant.backends.table import IMPLEMENTATIONS, Backend, Implementation
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.problem import Problem
from circulant.problems.trilinear import Slot

NATIVE = [row for row in IMPLEMENTATIONS if row.backend is Backend.NATIVE]


@dataclass(frozen=True, slots=True)
class Target(ABC):
    """Abstract. A function of a row."""

    row: Implementation

    @property
    @abstractmethod
    def problems(self) -> st.SearchStrategy[Problem]: ...

    @abstractmethod
    def operands(self, problem: Problem) -> Sequence[Tensor | None]: ...

    @abstractmethod
    def run(self, problem: Problem, *operands: Tensor | None) -> Sequence[Tensor]: ...

    @abstractmethod
    def expected(self, problem: Problem, *operands: Tensor | None) -> Sequence[Tensor]: ...

    def __str__(self) -> str:
        return f"{type(self).__name__} of {self.row.problem.__name__}, {self.row.algorithm.name.value}"


@final
class Solve(Target):
    @property
    def problems(self):
        return problems_for(self.row, LARGE)

    def operands(self, problem):
        return operands_of(problem)

    def run(self, problem, *operands):
        return [self.row.run(problem, *operands)]

    def expected(self, problem, *operands):
        return [expected(problem, operands)]


@final
class Gradients(Target):
    """Those of both operands at once."""

    @property
    def problems(self):
        return problems_for(self.row, LARGE)

    def operands(self, problem):
        x, kernel = operands_of(problem.for_slot(Slot.OUTPUT))
        return x, kernel, operands_of(problem.for_slot(Slot.INPUT))[0]

    def run(self, problem, x, kernel, g):
        return self.row.gradients(problem, x, kernel, g)

    def expected(self, problem, x, kernel, g):
        first, second = problem.for_slot(Slot.INPUT), problem.for_slot(Slot.KERNEL)
        return [expected(first, (g, kernel)), expected(second, (x, g))]


@final
@dataclass(frozen=True, slots=True)
class GatedProblem:
    """A long convolution and which of skip, first and second gate it has."""

    plain: LongConvProblem
    has_skip: bool
    has_gate_in: bool
    has_gate_out: bool

    @property
    def dtype(self) -> torch.dtype:
        return self.plain.dtype

    def operands(self) -> Sequence[Tensor | None]:
        x, kernel = operands_of(self.plain)
        extras = (kernel[:, -1].clone(), x.flip(-1), x.flip(0, 1, 2).cos())
        wanted = (self.has_skip, self.has_gate_in, self.has_gate_out)
        return x, kernel, *(extra if is_wanted else None for extra, is_wanted in zip(extras, wanted))

    def expected(self, x, kernel, skip, gate_in, gate_out) -> Tensor:
        z = x.double() if gate_in is None else x.double() * gate_in.double()
        y = expected(self.plain, (z, kernel.double()))
        y = y if skip is None else y + skip.double()[:, None] * z
        return y if gate_out is None else y * gate_out.double()


def gated_problems(row: Implementation) -> st.SearchStrategy[GatedProblem]:
    plain = problems_for(row, LARGE).map(lambda problem: problem.for_slot(Slot.OUTPUT))
    return st.builds(GatedProblem, plain, st.booleans(), st.booleans(), st.booleans())


@final
class Gated(Target):
    """With skip and gates in the same pass."""

    @property
    def problems(self):
        return gated_problems(self.row)

    def operands(self, problem):
        return problem.operands()

    def run(self, problem, *operands):
        return [self.row.gated(problem.plain, *operands)]

    def expected(self, problem, *operands):
        return [problem.expected(*operands)]


@final
class Frozen(Target):
    """The same from spectra of kernel and skip that were found before."""

    @property
    def problems(self):
        return gated_problems(self.row)

    def operands(self, problem):
        return problem.operands()

    def run(self, problem, x, kernel, skip, gate_in, gate_out):
        spectra = self.row.spectra(problem.plain, kernel, skip)
        return [self.row.gated(problem.plain, x, None, None, gate_in, gate_out, spectra=spectra)]

    def expected(self, problem, *operands):
        return [problem.expected(*operands)]


TARGETS: tuple[Target, ...] = tuple(
    chain(
        (Solve(row) for row in NATIVE),
        (Gradients(row) for row in NATIVE if row.gradients is not None),
        (Gated(row) for row in NATIVE if row.gated is not None),
        (Frozen(row) for row in NATIVE if row.spectra is not None),
    )
)


def accepts(target: Target, problem: Problem) -> bool:
    plain = problem.plain if isinstance(problem, GatedProblem) else problem
    return target.row.algorithm.rejects(plain) is None
