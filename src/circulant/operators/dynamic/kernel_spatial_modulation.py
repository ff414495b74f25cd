"""Gates for a kernel from the mean of the features: for groups of frequencies, axes and single weights."""

from dataclasses import dataclass
from math import log2
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.cost import Cost, matmul_cost
from circulant.core.sizes import Shape
from circulant.engine.costs import convolution_problem, problem_cost

REDUCTION, LEAST = 16, 16
FIRST = 1e-6


@final
@dataclass(frozen=True, slots=True)
class KernelGates:
    """shares (B, n) of frequency groups; gate (B, O, I / groups, KH, KW) of the weights."""

    shares: Tensor
    gate: Tensor


@final
class KernelSpatialModulation(nn.Module):
    """All gates of a kernel (O, I / groups, KH, KW), near 1 at first, from 0 to 16.

    A small network of the pooled features gives gates for channels, filters and taps and the shares of n
    frequency groups; a convolution along the pooled channels gives one for every weight. In training the
    batch norm sees all examples together.
    """

    def __init__(
        self,
        channels: int,
        shape: Shape,
        frequency_groups: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        O, I, *kernel = shape
        self.shape, self.taps, self.groups = shape, kernel[0] * kernel[1], channels // I
        hidden = max(channels // REDUCTION, LEAST)
        self.reduce = nn.Linear(channels, hidden, False, device=device, dtype=dtype)
        self.norm = nn.BatchNorm1d(hidden, device=device, dtype=dtype)
        self.slope = nn.Parameter(torch.ones(1, device=device, dtype=dtype))
        self.shift = nn.Parameter(torch.zeros(1, device=device, dtype=dtype))

        def head(rows: int) -> nn.Linear:
            return nn.Linear(hidden, rows, device=device, dtype=dtype)

        self.share, self.channel, self.filter = head(frequency_groups), head(channels), head(O)
        self.tap = head(self.taps) if self.taps > 1 else None
        size = round(log2(channels) / 2 + 0.5) // 2 * 2 + 1  # as published: wider for more channels
        self.local_norm = nn.LayerNorm(channels, device=device, dtype=dtype)
        self.local = nn.Conv1d(
            1, O * self.taps, size, padding=size // 2, bias=False, device=device, dtype=dtype
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Every gate near 1."""
        nn.init.kaiming_normal_(self.reduce.weight, mode="fan_out", nonlinearity="relu")
        for head in (self.share, self.channel, self.filter, self.tap):
            if head is not None:
                nn.init.normal_(head.weight, std=FIRST)
                nn.init.zeros_(head.bias)
        nn.init.constant_(self.local.weight, FIRST)

    def forward(self, x: Tensor) -> KernelGates:
        """x (B, C, H, W)."""
        O, I, KH, KW = self.shape
        mean, g = x.flatten(2).mean(2), self.groups
        hidden = self.slope * self.norm(self.reduce(mean)).relu().square() + self.shift
        channel = 2 * self.channel(hidden).sigmoid().unflatten(1, (g, 1, I))
        filters = 2 * self.filter(hidden).sigmoid().unflatten(1, (g, O // g, 1))
        local = 2 * self.local(self.local_norm(mean)[:, None]).sigmoid()  # (B, O taps, C)
        apart = local.unflatten(1, (g, O // g, self.taps)).unflatten(4, (g, I)).movedim(4, 1)
        own = apart.diagonal(dim1=1, dim2=2).movedim(-1, 1).transpose(3, 4)  # (B, g, O / g, I, taps)
        gate = (channel * filters)[..., None] * own
        if self.tap is not None:
            gate = gate * 2 * self.tap(hidden).sigmoid()[:, None, None, None]
        shares = 2 / self.share.out_features * self.share(hidden).sigmoid()
        return KernelGates(shares, gate.reshape(-1, O, I, KH, KW))

    def cost(self, batch: int) -> Cost:
        channels, hidden = self.reduce.in_features, self.reduce.out_features
        total = matmul_cost(batch, channels, hidden)
        for head in (self.share, self.channel, self.filter, self.tap):
            if head is not None:
                total += matmul_cost(batch, hidden, head.out_features)
        size = self.local.kernel_size[0]
        local = convolution_problem(
            (batch, 1, channels), (self.local.out_channels, 1, size), padding=((size // 2, size // 2),)
        )
        return total + problem_cost(local)
