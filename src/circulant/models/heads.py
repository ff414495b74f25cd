"""What stands at the end of a network."""

from typing import final

from torch import Tensor, nn


@final
class PoolHead(nn.Module):
    """A linear map of the mean over positions.  Shapes: x (B, C, *spatial) -> logits (B, classes)."""

    def __init__(self, channels: int, classes: int, norm: nn.Module | None = None) -> None:
        super().__init__()
        self.norm = nn.Identity() if norm is None else norm
        self.classify = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(self.norm(x).flatten(2).mean(-1))


@final
class NormedPoolHead(nn.Module):
    """A linear map of the normed mean over positions.  Shapes: x (B, C, *spatial) -> logits (B, classes)."""

    def __init__(self, norm: nn.Module, channels: int, classes: int) -> None:
        super().__init__()
        self.norm = norm
        self.classify = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(self.norm(x.flatten(2).mean(-1)))
