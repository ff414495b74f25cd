"""A gated network over the channels whose gate sees the neighbours."""

from typing import final

from torch import Tensor, nn


@final
class ConvGlu(nn.Module):
    """project(norm(gelu(depthwise 3x3(a)) * v)) with (a, v) = expand(x).

    Shapes: x (B, C, H, W) -> y (B, C, H, W); a and v have `hidden` channels.
    """

    def __init__(self, channels: int, hidden: int, norm: nn.Module | None = None) -> None:
        super().__init__()
        self.expand = nn.Conv2d(channels, 2 * hidden, 1)
        self.depthwise = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.norm = nn.Identity() if norm is None else norm
        self.project = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.expand(x).chunk(2, dim=1)
        gate = nn.functional.gelu(self.depthwise(gate))
        return self.project(self.norm(gate * value))
