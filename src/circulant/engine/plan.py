"""A plan: which implementation runs a problem, what it should take, and why the others do not run."""

from dataclasses import dataclass
from math import inf

from circulant.algorithms.algorithm import Rejected, Work
from circulant.backends.table import Implementation
from circulant.problems.problem import Problem


@dataclass(frozen=True, slots=True)
class Candidate:
    """One implementation, with its work and its seconds, or the reason of its refusal."""

    implementation: Implementation
    verdict: Work | Rejected
    seconds: float = inf
    is_measured: bool = False

    @property
    def is_possible(self) -> bool:
        return isinstance(self.verdict, Work)


@dataclass(frozen=True, slots=True)
class Plan:
    """Print it to read it: candidates fastest first, refused ones last."""

    problem: Problem
    candidates: tuple[Candidate, ...]
    threads: int  # that workspaces are for

    @property
    def chosen(self) -> Implementation:
        return self.candidates[0].implementation

    def __str__(self) -> str:
        titles = f"{'predicted':>11} {'work':>13} {'workspace':>11} {'error':>8}"
        header = f"   {'algorithm on backend':26} {titles}"
        rows = [str(self.problem), header]
        for rank, candidate in enumerate(self.candidates):
            mark = "->" if rank == 0 and candidate.is_possible else "  "
            rows.append(f"{mark} {candidate.implementation!s:26} {self._figures(candidate)}")
        return "\n".join(rows)

    def _figures(self, candidate: Candidate) -> str:
        work = candidate.verdict
        if isinstance(work, Rejected):
            return f"refused: {work.reason}"
        known = "ms, measured" if candidate.is_measured else "ms"
        return (
            f"{candidate.seconds * 1e3:8.3f} {known} {work.flop / 1e9:7.3f} GFLOP "
            f"{work.workspace(self.threads) / 2**20:7.1f} MiB {work.error(self.problem.dtype):8.1e}"
        )
