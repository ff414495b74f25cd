"""The only layer of the backbone, besides the mixers, that sees neighbours: it shrinks the grid."""

from typing import final

from torch import Tensor, nn

from circulant.core.sizes import Shape


@final
class PatchConv(nn.Module):
    """Strided convolution over patches that meet without overlap; grids are padded with zeros at the end.

    Shapes: x (B, C, *spatial) -> y (B, D, *ceil(spatial / stride)).
    """

    def __init__(self, in_channels: int, out_channels: int, spatial: Shape, stride: int) -> None:
        super().__init__()
        kind = {1: nn.Conv1d, 2: nn.Conv2d}[len(spatial)]
        self.conv = kind(in_channels, out_channels, stride, stride=stride)
        self.short = [amount for size in reversed(spatial) for amount in (0, -size % stride)]

    def forward(self, x: Tensor) -> Tensor:
        padded = nn.functional.pad(x, self.short) if any(self.short) else x
        result: Tensor = self.conv(padded)
        return result


def patched(spatial: Shape, stride: int) -> Shape:
    """Grid after a PatchConv."""
    return tuple(-(-size // stride) for size in spatial)
