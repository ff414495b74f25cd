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
        project_bias: bool | None = None,
        dropout: float = 0.0,
    ) -> None:
        """project_bias: of the second layer, if it is to differ."""
        super().__init__()
        self.expand = nn.Linear(channels, hidden, bias)
        self.activation = nn.GELU()
        self.dropout = nn.Dropout(dropout)
        ends_in_bias = bias if project_bias is None else project_bias
        self.project = nn.Linear(hidden, out_channels or channels, ends_in_bias)

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
