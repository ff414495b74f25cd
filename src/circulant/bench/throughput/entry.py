"""One operator of the throughput benchmark."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from torch import Tensor

from circulant.core.operator import Operator
from circulant.core.sizes import Shape

COLUMNS = {
    1: ("batch", "channels", "length"),
    2: ("batch", "channels", "height", "width"),
    3: ("batch", "channels", "depth", "height", "width"),
    4: ("batch", "channels", "time", "depth", "height", "width"),
}
"""What the numbers of a shape are, by the number of spatial axes."""


@final
@dataclass(frozen=True, slots=True)
class Throughput:
    """make(shape) builds the operator for x of that shape; every way computes the same from its parameters.

    obvious: by name, plain PyTorch code (module, x) -> y: torch.fft, F.conv, matrix products, SDPA.
    lowered: the operator's work is one of the engine's problems, so that it should win by a factor.
    compiled_backward: False where torch.compile makes a backward pass of plain code that ends the process.
    """

    make: Callable[[Shape], Operator]
    shapes: tuple[Shape, ...]  # a moderate one and a large one
    obvious: dict[str, Callable[..., Tensor]]
    lowered: bool
    compiled_backward: bool = True
