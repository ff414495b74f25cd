"""What every problem answers."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch

from circulant.core.sizes import Shape


@dataclass(frozen=True, slots=True)
class Problem(ABC):
    """Abstract. Sizes of one computation; frozen and hashable, so that plans can be remembered."""

    dtype: torch.dtype

    @property
    @abstractmethod
    def result_shape(self) -> Shape: ...

    @property
    @abstractmethod
    def flop(self) -> float:
        """Arithmetic of the equation as it stands (for a transform: of a fast one)."""

    @property
    @abstractmethod
    def io_byte(self) -> float:
        """Bytes of operands and result, each moved once."""
