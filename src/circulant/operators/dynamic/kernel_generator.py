"""Residual blocks, and a network of them that predicts a kernel for every position."""

from collections.abc import Iterator
from typing import final

import torch
from torch import Tensor, nn

from circulant.engine.conv_settings import ConvSettings, settings_of


@final
class _ResidualBlock(nn.Module):
    """x + conv(relu(conv(x))), both 3 x 3."""

    def __init__(self, width: int, device: torch.device | str | None, dtype: torch.dtype | None) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(width, width, 3, 1, 1, device=device, dtype=dtype),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, 1, 1, device=device, dtype=dtype),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)


def residual_blocks(
    width: int, depth: int, device: torch.device | str | None, dtype: torch.dtype | None
) -> list[nn.Module]:
    return [_ResidualBlock(width, device, dtype) for _ in range(depth)]


@final
class ChannelKernelGenerator(nn.Module):
    """Kernels of one channel: a trunk, a branch, and a projection.  x (B, width, H, W) -> (B, k^2, H, W)."""

    def __init__(
        self,
        width: int,
        kernel_size: int,
        depth: int = 2,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.trunk = nn.Sequential(*residual_blocks(width, depth, device, dtype))
        self.branch = nn.Sequential(*residual_blocks(width, depth, device, dtype))
        self.project = nn.Conv2d(width, kernel_size**2, 1, device=device, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        return self.project(self.branch(self.trunk(x)))


def convs(module: nn.Module) -> Iterator[ConvSettings]:
    """Of every convolution inside, in order."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            yield settings_of(layer)
