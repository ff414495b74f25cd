"""Networks that see one position at a time: the other half of every block."""

from typing import final

from torch import Tensor, nn


@final
class ChannelMlp(nn.Module):
    """Linear, GELU, linear over the channels.  Shapes: x (B, C, *spatial) -> y (B, D, *spatial)."""

    def __init__(
        self,
        channels: int,
        hidden: int,
        out_channels: int | None = None,
        *,
        bias: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.expand = nn.Linear(channels, hidden, bias)
        self.activation = nn.GELU()
        self.dropout = nn.Dropout(dropout)
        self.project = nn.Linear(hidden, out_channels or channels, bias)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.dropout(self.activation(self.expand(x.movedim(1, -1))))
        return self.dropout(self.project(hidden)).movedim(-1, 1)


@final
class GatedMlp(nn.Module):
    """project(silu(gate x) * expand x), as in SwiGLU.  Shapes: x (B, C, *spatial) -> y (B, C, *spatial)."""

    def __init__(self, channels: int, hidden: int, *, bias: bool = False) -> None:
        super().__init__()
        self.gate = nn.Linear(channels, hidden, bias)
        self.expand = nn.Linear(channels, hidden, bias)
        self.project = nn.Linear(hidden, channels, bias)

    def forward(self, x: Tensor) -> Tensor:
        positions = x.movedim(1, -1)
        hidden = nn.functional.silu(self.gate(positions)) * self.expand(positions)
        return self.project(hidden).movedim(-1, 1)
