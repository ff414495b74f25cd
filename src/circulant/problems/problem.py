"""What every problem answers."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch

from circulant.core.sizes import Shape, product


def shape_text(sizes: Shape) -> str:
    return "x".join(map(str, sizes))


def dtype_text(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


@dataclass(frozen=True, slots=True)
class Problem(ABC):
    """Abstract. Sizes of one computation; frozen and hashable, so that plans can be remembered."""

    dtype: torch.dtype

    @property
    @abstractmethod
    def operand_shapes(self) -> tuple[Shape, ...]: ...

    @property
    @abstractmethod
    def result_shape(self) -> Shape: ...

    @property
    @abstractmethod
    def flop(self) -> float:
        """Arithmetic of the equation as it stands (for a transform: of a fast one)."""

    @property
    def io_byte(self) -> float:
        """Bytes of operands and result, each moved once."""
        elements = sum(product(shape) for shape in (*self.operand_shapes, self.result_shape))
        return float(self.dtype.itemsize * elements)
