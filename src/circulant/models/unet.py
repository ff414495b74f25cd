"""The frame of every U-shaped network: what goes down, what comes up, and how the two meet."""

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn


@final
class Concatenate(nn.Module):
    """Channels of what came up, then those of the skip; the larger grid is cropped at its end."""

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return torch.cat([cropped(x, skip), skip], dim=1)


@final
class UNet(nn.Module):
    """head(decoder(join(up(..middle(down(encoder(x)))..), skip))), one level for each encoder.

    join(x, skip) fuses two tensors of one level; all lists run from the finest level to the coarsest.
    Shapes: x (B, C, *spatial) -> whatever the head makes of the finest level.
    """

    def __init__(
        self,
        encoders: Sequence[nn.Module],
        downs: Sequence[nn.Module],
        middle: nn.Module,
        ups: Sequence[nn.Module],
        decoders: Sequence[nn.Module],
        head: nn.Module,
        joins: Sequence[nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.encoders, self.downs = nn.ModuleList(encoders), nn.ModuleList(downs)
        self.middle = middle
        self.ups, self.decoders = nn.ModuleList(ups), nn.ModuleList(decoders)
        self.joins = nn.ModuleList([Concatenate() for _ in ups] if joins is None else joins)
        self.head = head

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for encoder, down in zip(self.encoders, self.downs):
            x = encoder(x)
            skips.append(x)
            x = down(x)
        x = self.middle(x)
        levels = list(zip(self.ups, self.joins, self.decoders, skips))
        for up, join, decoder, skip in reversed(levels):
            x = decoder(join(up(x), skip))
        return self.head(x)


def cropped(x: Tensor, like: Tensor) -> Tensor:
    """The beginning of x along every spatial axis, as long as `like`."""
    for axis in range(2, x.ndim):
        x = x.narrow(axis, 0, like.shape[axis])
    return x
