"""SESR: super-resolution by a few narrow convolutions, each trained as a collapsible linear block.

    f = block5(Y - 0.5)
    g = f + act_m(block3(... act_1(block3(f))))
    y = shuffle(block5(g) + Y), cut to 0 .. 1

Y is the luminance, from 0 to 1. The blocks of 3x3 add their input; those of 5x5 have no activation. Collapsed
(`optimise.collapse_linear_blocks`), it is a plain chain of convolutions with two skips.

After Bhardwaj, Milosavljevic, O'Neil, Gope, Matas, Chalfin, Suda, Meng and Loh (2021), Collapsible Linear
Blocks for Super-Efficient Super Resolution, https://arxiv.org/abs/2103.09404. For a factor of 4 the published
code lays channels out by 2 twice; by 4 once, as here, their order alone differs, which is learned.
"""

from dataclasses import dataclass, replace
from typing import final

from torch import Tensor, nn

from circulant.core.sub_pixels import sub_pixel_shuffle
from circulant.models.collapsible_linear_block import CollapsibleLinearBlock2d

GREY = 0.5  # taken off before the first block


@final
@dataclass(frozen=True, slots=True)
class SESRDesign:
    """Number of 3x3 blocks, channels between blocks, and features inside them while they train."""

    depth: int
    channels: int = 16
    features: int = 256


SESR_M3 = SESRDesign(3)
SESR_M5 = SESRDesign(5)  # 13,520 weights at a factor of 2, collapsed
SESR_M7 = SESRDesign(7)
SESR_M11 = SESRDesign(11, features=64)
SESR_XL = replace(SESR_M11, channels=32)


@final
class SESR(nn.Module):
    """Shapes: x (B, 1, H, W), from 0 to 1 -> y (B, 1, r H, r W), from 0 to 1; r is the factor."""

    def __init__(self, factor: int, design: SESRDesign = SESR_M5, *, expanded: bool = False) -> None:
        super().__init__()
        self.factor = factor
        width, inside = design.channels, design.features
        self.first = CollapsibleLinearBlock2d(1, width, 5, features=inside, expanded=expanded)
        self.body = nn.Sequential()
        for _ in range(design.depth):
            self.body.append(
                CollapsibleLinearBlock2d(width, width, 3, features=inside, residual=True, expanded=expanded)
            )
            self.body.append(nn.PReLU(width, init=0.0))
        self.last = CollapsibleLinearBlock2d(width, factor**2, 5, features=inside, expanded=expanded)

    def forward(self, x: Tensor) -> Tensor:
        features = self.first(x - GREY)
        phases = self.last(self.body(features) + features) + x
        return sub_pixel_shuffle(phases, self.factor, 2).clamp(0, 1)
