"""What a forward pass may do besides convolving."""

from dataclasses import dataclass
from typing import final

from torch import Tensor


@final
@dataclass(frozen=True, slots=True)
class Gates:
    """gate_out (k * z + skip z) with z = gate_in x; gates (B, C, L), skip (C)."""

    skip: Tensor | None = None
    before: Tensor | None = None
    after: Tensor | None = None

    @property
    def arguments(self) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """As kernels take them: gate_in, gate_out, skip."""
        return self.before, self.after, self.skip


OPEN = Gates()
