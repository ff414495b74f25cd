"""The block of MobileNetV2 with a kernel for each place in the middle.

Chen et al., "TVConv: Efficient Translation Variant Convolution for Layout-aware Visual Processing" (2022).
"""

from typing import final

from torch import Tensor, nn

from circulant.core.sizes import Shape
from circulant.operators.dynamic.translation_variant_conv2d import TranslationVariantConv2d


@final
class TranslationVariantResidual(nn.Module):
    """Expand, see the neighbours, project; added to x where the shape stays.

    size: of the output. middle: what sees the neighbours instead, (B, H, ...) -> (B, H, *size) for H =
    expand * in_channels; None for the kernels of each place.
    Shapes: x (B, C, H, W) -> y (B, D, *size).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        size: int | Shape,
        stride: int = 1,
        expand: int = 2,
        *,
        middle: nn.Module | None = None,
    ) -> None:
        super().__init__()
        hidden = expand * in_channels
        self.is_residual = stride == 1 and in_channels == out_channels
        widen = [nn.Conv2d(in_channels, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6()]
        self.branch = nn.Sequential(
            *(widen if expand != 1 else []),
            TranslationVariantConv2d(hidden, size, stride=stride) if middle is None else middle,
            nn.BatchNorm2d(hidden),
            nn.ReLU6(),
            nn.Conv2d(hidden, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.branch(x)
        return x + y if self.is_residual else y
