"""A slow net whose features are multiplied by what a linear map makes of a small picture of its input."""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.cost import Cost, matmul_cost
from circulant.engine.execute import without_autocast
from circulant.operators.dynamic.slow_net import SlowNet, linear_map, linears_in, mapped, wide_dtype

RENORMALISED = 0.1  # share of the renormalised features at first


@final
class ContextSlowNet(nn.Module):
    """A depthwise kernel for the whole batch, from coordinates and from the mean picture.

    z_i is renormalised, alpha z_i + beta z_i / |z_i| with the norm over all taps of a channel, and multiplied
    by B_i g + b_i. g = gelu(mix reduce mean(x pooled to the taps)), the mean over the batch; as that and both
    maps are linear, the mean comes first. Shapes: x (B, C, H, W) -> (C, size, size).
    """

    def __init__(
        self,
        channels: int,
        size: int,
        hidden: int = 32,
        layers: int = 2,
        *,
        frequency: float = 1.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.net = SlowNet(2, size, channels, hidden, layers, frequency=frequency, device=device)
        self.reduce = nn.Linear(channels, hidden, device=device)
        self.mix = nn.Linear(hidden, hidden, device=device)
        self.modulate = nn.ModuleList(linear_map(hidden, hidden, 1.0, device) for _ in range(layers))
        self.alpha = nn.Parameter(torch.ones(layers, hidden, device=device))
        self.beta = nn.Parameter(torch.full((layers, hidden), RENORMALISED, device=device))
        self.to(dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        with without_autocast(x.device.type):
            pooled = F.adaptive_avg_pool2d(x, self.net.size).to(wide_dtype(self.alpha.dtype))
            mean = pooled.sum(0) / max(x.shape[0], 1)
            context = F.gelu(mapped(self.mix, mapped(self.reduce, mean.flatten(1).mT)))
            modulate = linears_in(self.modulate)
            alpha, beta = self.alpha.to(context.dtype), self.beta.to(context.dtype)

            def renormalised(number: int, z: Tensor) -> Tensor:
                z = alpha[number] * z + beta[number] * F.normalize(z, dim=0)
                return z * mapped(modulate[number], context)

            return self.net(between=renormalised)

    def cost(self) -> Cost:
        taps, total = self.net.size**2, self.net.cost()
        for layer in (self.reduce, self.mix, *linears_in(self.modulate)):
            total += matmul_cost(taps, layer.in_features, layer.out_features)
        return total
