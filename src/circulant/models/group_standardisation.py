"""Groups of channels that are standardised over the batch and over each example in turn."""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError


@final
class GroupStandardisation2d(nn.Module):
    """Mean 0 and variance 1, without parameters and without running means.

    Of `groups` groups of channels the first, third, ... are standardised channel by channel over the whole
    batch, the others over each example. Shapes: x (B, C, H, W) -> y (B, C, H, W).
    """

    def __init__(self, channels: int, groups: int = 12) -> None:
        super().__init__()
        if groups < 2 or groups % 2 or channels < 1 or channels % groups:
            raise ArgumentError(
                f"expected an even number of groups that divide the channels, got {groups} groups of "
                f"{channels} channels"
            )
        self.channels, self.groups = channels, groups

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 4 or x.shape[1] != self.channels or x[0, 0].numel() < 2:
            raise ShapeError(
                f"expected x (B, C, H, W) with C = {self.channels} and 2 places or more, got {tuple(x.shape)}"
            )
        pairs = x.unflatten(1, (self.groups // 2, 2, -1))
        batch, instance = (pairs[:, :, part].flatten(1, 2) for part in (0, 1))
        split = (self.groups // 2, -1)
        done = (
            F.batch_norm(batch, None, None, training=True).unflatten(1, split),
            F.instance_norm(instance).unflatten(1, split),
        )
        return torch.stack(done, 2).flatten(1, 3)

    def extra_repr(self) -> str:
        return f"{self.channels}, groups={self.groups}"
