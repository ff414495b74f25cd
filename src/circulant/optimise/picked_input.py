"""A layer that reads some of the channels that it is given, where the others are needed elsewhere."""

from typing import final

from torch import Tensor, nn


@final
class PickedInput(nn.Module):
    """layer(x[:, channels]).  Shapes: x (B, C, *spatial) -> that of the layer's output."""

    channels: Tensor

    def __init__(self, channels: Tensor, layer: nn.Module) -> None:
        super().__init__()
        self.register_buffer("channels", channels.to(next(layer.parameters()).device))
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layer(x.index_select(1, self.channels))
        return y
