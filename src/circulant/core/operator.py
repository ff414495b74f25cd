"""The one base class of the catalogue."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from circulant.core.cost import Cost
from circulant.core.errors import DtypeError, ShapeError
from circulant.core.sizes import Shape

AXES = {1: "L", 2: "H, W", 3: "D, H, W"}


class Operator(nn.Module, ABC):
    """Abstract. Each operator is a final subclass; n-D families share one abstract parent over `ndims`."""

    ndims: ClassVar[tuple[int, ...]]  # numbers of spatial axes the operator takes

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor: ...

    @abstractmethod
    def cost(self, shape: Shape) -> Cost:
        """Work of `forward` on an input x of that shape, without running it."""


def require_input(x: Tensor, channels: int, ndims: tuple[int, ...]) -> None:
    """Raise unless x is floating point, (B, channels, *spatial), with one of ndims non-empty spatial axes."""
    if not x.is_floating_point():
        raise DtypeError(f"expected x of a floating-point dtype, got {x.dtype}; convert it with x.float()")
    if x.ndim - 2 not in ndims or x.shape[1] != channels:
        wanted = " or ".join(f"(B, C, {AXES[n]})" for n in ndims)
        raise ShapeError(f"expected x {wanted} with C = {channels}, got x {tuple(x.shape)}")
    require_samples(tuple(x.shape), x.ndim - 2)


def require_samples(shape: Shape, ndim: int) -> None:
    """Raise if one of the last ndim axes of x is empty."""
    if 0 in shape[len(shape) - ndim :]:
        raise ShapeError(f"expected at least 1 sample along each spatial axis, got x {shape}")
