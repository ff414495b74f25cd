"""A plain convolutional simulator of waves on a grid: the next state from the last ones."""

from itertools import pairwise
from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.errors import ShapeError
from circulant.operators.spatial.one_way_conv import ONE_WAY

DENSE: dict[int, Any] = {2: nn.Conv2d, 3: nn.Conv3d}


@final
class WaveSimulatorCnn(nn.Module):
    """u(t + 1) = u(t) + g(u(t - frames + 1), .., u(t)),   g: `depth` convolutions with tanh between them.

    rank None: dense kernels; else every convolution is one-way (`OneWayConv2d`). Sizes and depth are ours:
    the paper's abstract names none. Shapes: x (B, frames, *spatial), oldest first -> (B, 1, *spatial).
    """

    def __init__(
        self,
        *,
        frames: int = 2,
        width: int = 16,
        depth: int = 3,
        kernel_size: int = 5,
        rank: int | None = None,
        ndim: int = 2,
    ) -> None:
        super().__init__()
        self.frames = frames
        channels = [frames, *[width] * (depth - 1), 1]
        extra: dict[str, int] = {} if rank is None else {"rank": rank}
        build: Any = DENSE[ndim] if rank is None else ONE_WAY[ndim]
        layers: list[nn.Module] = []
        for before, after in pairwise(channels):
            layers += [build(before, after, kernel_size, padding=kernel_size // 2, **extra), nn.Tanh()]
        self.change = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim < 2 or x.shape[1] != self.frames:
            raise ShapeError(f"expected x (B, {self.frames}, *spatial), got {tuple(x.shape)}")
        change: Tensor = self.change(x)
        return x[:, -1:] + change

    def roll_out(self, x: Tensor, steps: int) -> Tensor:
        """x (B, frames, *spatial) -> the next `steps` states (B, steps, *spatial), each fed back."""
        states = list(x.unbind(1))
        for _ in range(steps):
            states.append(self(torch.stack(states[-self.frames :], 1))[:, 0])
        return torch.stack(states[self.frames :], 1)
