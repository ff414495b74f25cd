"""ESPCN: super-resolution that works on the coarse grid and lays its last channels out as the fine one.

After Shi, Caballero, Huszár, Totz, Aitken, Bishop, Rueckert and Wang (2016), Real-Time Single Image and
Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural Network,
https://arxiv.org/abs/1609.05158. It is trained on luminance with the mean square error.
"""

from typing import final

from torch import Tensor, nn

from circulant.operators.spatial.sub_pixel_conv import SubPixelConv2d

FIRST_SPREAD = 0.001  # of the last layer's weights, so that training starts from a flat picture


@final
class ESPCN(nn.Module):
    """5x5 and 3x3 convolutions with tanh, then sub-pixels.  Shapes: x (B, C, H, W) -> y (B, C, r H, r W)."""

    def __init__(self, factor: int, channels: int = 1, widths: tuple[int, int] = (64, 32)) -> None:
        super().__init__()
        wide, narrow = widths
        self.features = nn.Sequential(
            nn.Conv2d(channels, wide, 5, padding=2),
            nn.Tanh(),
            nn.Conv2d(wide, narrow, 3, padding=1),
            nn.Tanh(),
        )
        self.upscale = SubPixelConv2d(narrow, channels, 3, padding=1, factor=factor)
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif name.startswith("features"):
                nn.init.kaiming_normal_(parameter, mode="fan_out")
        nn.init.normal_(self.upscale.weight, std=FIRST_SPREAD)

    def forward(self, x: Tensor) -> Tensor:
        return self.upscale(self.features(x))
