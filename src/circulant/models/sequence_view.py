"""A picture as the sequence of its positions."""

from typing import final

from torch import Tensor, nn


@final
class SequenceView(nn.Module):
    """Read row by row, mixed along the sequence, folded back.

    Shapes: x (B, C, H, W) -> y (B, C, H, W).
    """

    def __init__(self, mixer: nn.Module) -> None:
        super().__init__()
        self.mixer = mixer

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.mixer(x.flatten(2))
        return mixed.reshape(x.shape)
