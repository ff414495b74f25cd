"""What the caller insists on: an algorithm, a backend, limits. Nothing insisted on is the planner's."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from circulant.algorithms.algorithm import AlgorithmName
from circulant.backends.table import Backend as Backend


@dataclass(frozen=True, slots=True)
class Choice:
    """workspace_limit in bytes; tolerance as relative L2 error. A forced choice never falls back."""

    algorithm: AlgorithmName | None = None
    backend: Backend | None = None
    workspace_limit: float | None = None
    tolerance: float | None = None

    def or_else(self, other: "Choice") -> "Choice":
        """This choice, with the other's wishes where this one has none."""
        return Choice(
            self.algorithm or other.algorithm,
            self.backend or other.backend,
            self.workspace_limit if self.workspace_limit is not None else other.workspace_limit,
            self.tolerance if self.tolerance is not None else other.tolerance,
        )


FREE = Choice()

_wishes = [FREE]


def current() -> Choice:
    return _wishes[-1]


@contextmanager
def use(
    algorithm: AlgorithmName | None = None,
    backend: Backend | None = None,
    workspace_limit: float | None = None,
    tolerance: float | None = None,
) -> Iterator[None]:
    """Insist on a choice for every engine call inside the block that makes none of its own.

    The wish is the process's, as torch.backends flags are: compiled code can watch a global for
    changes, a thread's own variable it cannot.
    """
    _wishes.append(Choice(algorithm, backend, workspace_limit, tolerance).or_else(_wishes[-1]))
    try:
        yield
    finally:
        _wishes.pop()
