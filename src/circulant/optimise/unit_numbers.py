"""Numbers of units, some of which turn out to be one and the same."""

from typing import final

import torch
from torch import Tensor


@final
class UnitNumbers:
    """A disjoint-set forest."""

    def __init__(self) -> None:
        self.parent: list[int] = []
        self.fixed: set[int] = set()

    def new(self, count: int, *, fixed: bool = False) -> Tensor:
        """So many fresh numbers -> (count,)."""
        start = len(self.parent)
        fresh = range(start, start + count)
        self.parent.extend(fresh)
        if fixed:
            self.fixed.update(fresh)
        return torch.arange(start, start + count)

    def fix(self, units: Tensor) -> None:
        self.fixed.update(units.tolist())

    def tie(self, one: Tensor, other: Tensor) -> None:
        """Make them one, pair by pair."""
        for a, b in zip(one.tolist(), other.tolist(), strict=True):
            self.parent[self._root(b)] = self._root(a)

    def compact(self) -> tuple[Tensor, Tensor]:
        """The unit of each number given out, counted from 0, and which units are fixed."""
        roots = torch.tensor([self._root(number) for number in range(len(self.parent))], dtype=torch.long)
        _, compacted = roots.unique(return_inverse=True)
        fixed = torch.zeros(int(compacted.max()) + 1 if len(roots) else 0, dtype=torch.bool)
        fixed[compacted[torch.tensor(sorted(self.fixed), dtype=torch.long)]] = True
        return compacted, fixed

    def _root(self, number: int) -> int:
        while self.parent[number] != number:
            self.parent[number] = self.parent[self.parent[number]]
            number = self.parent[number]
        return number
