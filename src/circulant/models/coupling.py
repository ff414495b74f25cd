"""Flow layers that scale and shift: each channel by itself, and one half of them by the other."""

from typing import final

import torch
from torch import Tensor, nn

from circulant.models.flow import Flow, Transformed


@final
class ChannelAffine(Flow):
    """z = exp(s) x + t with s and t of each channel, 0 at the start."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(channels, 1, 1))
        self.shift = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Transformed:
        log_det = self.log_scale.sum() * x.shape[2:].numel()
        return Transformed(self.log_scale.exp() * x + self.shift, log_det.expand(x.shape[0]))

    def inverse(self, z: Tensor) -> Tensor:
        return (z - self.shift) * (-self.log_scale).exp()


@final
class AffineCoupling(Flow):
    """z1 = x1, z2 = exp(s(x1)) x2 + t(x1): a small network sees one half of the channels.

    |s| < 1, and s = t = 0 at the start.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.seen = channels // 2
        last = nn.Conv2d(hidden, 2 * (channels - self.seen), 3, padding=1)
        nn.init.zeros_(last.weight)
        assert last.bias is not None
        nn.init.zeros_(last.bias)
        first, middle = nn.Conv2d(self.seen, hidden, 3, padding=1), nn.Conv2d(hidden, hidden, 1)
        self.network = nn.Sequential(first, nn.ReLU(), middle, nn.ReLU(), last)

    def forward(self, x: Tensor) -> Transformed:
        seen, moved = x[:, : self.seen], x[:, self.seen :]
        log_scale, shift = self._scale_and_shift(seen)
        z = torch.cat([seen, log_scale.exp() * moved + shift], dim=1)
        return Transformed(z, log_scale.flatten(1).sum(1))

    def inverse(self, z: Tensor) -> Tensor:
        seen, moved = z[:, : self.seen], z[:, self.seen :]
        log_scale, shift = self._scale_and_shift(seen)
        return torch.cat([seen, (moved - shift) * (-log_scale).exp()], dim=1)

    def _scale_and_shift(self, seen: Tensor) -> tuple[Tensor, ...]:
        scale, shift = self.network(seen).chunk(2, dim=1)
        return torch.tanh(scale), shift
