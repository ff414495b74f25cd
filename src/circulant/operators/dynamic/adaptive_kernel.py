"""A kernel's mean and what is left of it, under gates of their own: a kernel for each example."""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.cost import Cost, matmul_cost

REDUCTION, LEAST = 16, 16


@final
class _Gates(nn.Module):
    """Gates from 0 to 1 for the channels and for the filters, from the mean over positions."""

    def __init__(
        self, channels: int, filters: int, device: torch.device | str | None, dtype: torch.dtype | None
    ) -> None:
        super().__init__()
        hidden = max(channels // REDUCTION, LEAST)
        self.reduce = nn.Linear(channels, hidden, False, device=device, dtype=dtype)
        self.norm = nn.BatchNorm1d(hidden, device=device, dtype=dtype)
        self.channel = nn.Linear(hidden, channels, device=device, dtype=dtype)
        self.filter = nn.Linear(hidden, filters, device=device, dtype=dtype)
        for layer in (self.reduce, self.channel, self.filter):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        for layer in (self.channel, self.filter):
            nn.init.zeros_(layer.bias)

    def forward(self, mean: Tensor) -> tuple[Tensor, Tensor]:
        """mean (B, channels) -> (B, channels), (B, filters)."""
        hidden = self.norm(self.reduce(mean)).relu()
        return self.channel(hidden).sigmoid(), self.filter(hidden).sigmoid()


@final
class AdaptiveKernelDecomposition(nn.Module):
    """W[b] = 4 c_1 f_1 mean_k weight + 4 c_2 f_2 (weight - mean_k weight), gates from the features.

    Features (B, I, *spatial), weight (O, I / groups, *kernel) -> (B, O, I / groups, *kernel). The mean over
    the taps is the low frequency of a kernel, the rest its high ones. Half open gates leave the weight.
    In training the batch norm sees all examples together.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        groups: int = 1,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.low = _Gates(in_channels, out_channels, device, dtype)
        self.high = _Gates(in_channels, out_channels, device, dtype)

    def forward(self, features: Tensor, weight: Tensor) -> Tensor:
        pooled = features.flatten(2).mean(2)
        own = weight.flatten(2).unflatten(0, (self.groups, -1))  # (groups, O / groups, I / groups, taps)
        mean = own.mean(3, keepdim=True)
        kernels = self._gate(self.low(pooled)) * mean + self._gate(self.high(pooled)) * (own - mean)
        return kernels.reshape(-1, *weight.shape)

    def _gate(self, gates: tuple[Tensor, Tensor]) -> Tensor:
        """(B, I) and (B, O) -> (B, groups, O / groups, I / groups, 1)."""
        channel, filters = (gate.unflatten(1, (self.groups, -1)) for gate in gates)
        return (4 * channel[:, :, None, :] * filters[..., None])[..., None]

    def cost(self, batch: int) -> Cost:
        hidden = self.low.reduce.out_features
        heads = matmul_cost(batch, hidden, self.in_channels) + matmul_cost(batch, hidden, self.out_channels)
        return (matmul_cost(batch, self.in_channels, hidden) + heads) * 2
