r"""Messages from slice to slice: each row hears of all rows before it, through one convolution after another.

    downward, row by row:  y_0 = x_0,   y_i = x_i + relu(w * y_(i-1))

w (C, C, kernel_size) is one kernel for all slices of a direction, convolved along the slice with zeros
around it; it has no bias. The passes of `directions` follow each other, each with a kernel of its own and on
what the one before left: downward, upward, then columns rightward and leftward. `linear` leaves out the relu.
Shapes: x (B, C, H, W) -> y (B, C, H, W); weight (directions, C, C, kernel_size).

A pass of H slices is a recurrence of H steps, each a dense convolution; nothing of it runs in parallel but
the inside of a slice. Kernels start as small as in the authors' code, sqrt(2 / (5 kernel_size)) / C.
"""

from collections.abc import Sequence
from enum import Enum
from math import sqrt
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import ZERO_COST, Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.conv_settings import conv_settings


@final
class Direction(Enum):
    """Where messages go."""

    DOWN = "down"
    UP = "up"
    RIGHT = "right"
    LEFT = "left"

    @property
    def along_rows(self) -> bool:
        """Whether the slices are rows."""
        return self in (Direction.DOWN, Direction.UP)

    @property
    def backward(self) -> bool:
        """Whether the last slice comes first."""
        return self in (Direction.UP, Direction.LEFT)


EXPORTS = (Direction,)

EVERYWHERE = (Direction.DOWN, Direction.UP, Direction.RIGHT, Direction.LEFT)


def reference(
    x: Tensor,
    state: dict[str, Tensor],
    directions: tuple[str, ...] = ("down", "up", "right", "left"),
    linear: bool = False,
) -> Tensor:
    for direction, kernel in zip(directions, state["weight"]):
        turned = x if direction in ("down", "up") else x.transpose(2, 3)
        slices = list(turned.unbind(2))
        order = range(len(slices)) if direction in ("down", "right") else range(len(slices) - 1, -1, -1)
        before = None
        for i in order:
            if before is not None:
                message = torch.zeros_like(slices[i])
                n, taps = message.shape[2], kernel.shape[2]
                for position in range(n):
                    for m in range(taps):
                        met = position + m - taps // 2
                        if 0 <= met < n:
                            message[:, :, position] += before[:, :, met] @ kernel[:, :, m].T
                slices[i] = slices[i] + (message if linear else message.clamp(min=0))
            before = slices[i]
        stacked = torch.stack(slices, 2)
        x = stacked if direction in ("down", "up") else stacked.transpose(2, 3)
    return x


@final
class SpatialMessagePassing2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int,
        kernel_size: int = 9,
        *,
        directions: Sequence[Direction] = EVERYWHERE,
        linear: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ArgumentError(f"expected an odd kernel_size of 1 or more, got {kernel_size}")
        if not directions:
            raise ArgumentError("expected at least 1 direction, got none; take torch.nn.Identity instead")
        self.channels, self.directions, self.linear = channels, tuple(directions), linear
        self.settings = conv_settings(1, channels, channels, kernel_size, padding="same")
        shape = (len(self.directions), *self.settings.weight_shape)
        self.weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.normal_(self.weight, std=sqrt(2 / (5 * self.settings.kernel[0])) / self.channels)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        is_upright = True
        for direction, kernel in zip(self.directions, self.weight.unbind()):
            if direction.along_rows is not is_upright:
                # slices side by side in memory: a column of a picture would touch all of it
                x, is_upright = x.transpose(2, 3).contiguous(), not is_upright
            x = self._passed(x, kernel, direction.backward)
        return x if is_upright else x.transpose(2, 3).contiguous()

    def _passed(self, x: Tensor, kernel: Tensor, backward: bool) -> Tensor:
        """One pass along the rows of x (B, C, H, W)."""
        rows = x.unbind(2)
        first, *rest = reversed(rows) if backward else rows
        heard = [first]
        for row in rest:
            message = self.settings.convolve(heard[-1], kernel, None)
            heard.append(row + (message if self.linear else message.relu()))
        return torch.stack(heard[::-1] if backward else heard, 2)

    def cost(self, shape: Shape) -> Cost:
        B, C, H, W = shape
        total = ZERO_COST
        for direction in self.directions:
            slices, length = (H, W) if direction.along_rows else (W, H)
            total += self.settings.cost((B, C, length)) * (slices - 1)
        return total + Cost(byte=8.0 * B * C * H * W)  # the first slice too is read and written

    def extra_repr(self) -> str:
        named = ", ".join(direction.value for direction in self.directions)
        return f"{self.settings}, directions=({named}), linear={self.linear}"


def _mixer(channels: int, spatial: Shape) -> SpatialMessagePassing2d:
    return SpatialMessagePassing2d(channels)


CARD = Card(
    operators=(SpatialMessagePassing2d,),
    reference=reference,
    papers=(
        Paper(
            "Pan, Shi, Luo, Wang and Tang",
            2017,
            "Spatial As Deep: Spatial CNN for Traffic Scene Understanding",
            "https://arxiv.org/abs/1712.06080",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 3, 4, 5), lambda: SpatialMessagePassing2d(3, 3)),
        Case(
            (1, 2, 3, 6),
            lambda: SpatialMessagePassing2d(2, 5, directions=(Direction.LEFT, Direction.DOWN)),
            {"directions": ("left", "down")},
        ),
        Case(
            (2, 2, 4, 3),
            lambda: SpatialMessagePassing2d(2, 1, directions=(Direction.UP,), linear=True),
            {"directions": ("up",), "linear": True},
        ),
    ),
    refuses=(
        BadInput((2, 4, 5, 5), lambda: SpatialMessagePassing2d(3), says="C = 3"),
        BadInput((3, 5, 5), lambda: SpatialMessagePassing2d(3), says="(B, C, H, W)"),
        BadInput((2, 3, 5, 5), lambda: SpatialMessagePassing2d(3, 4), says="odd kernel_size"),
        BadInput((2, 3, 5, 5), lambda: SpatialMessagePassing2d(3, directions=()), says="1 direction"),
    ),
    mixer=_mixer,
)
