"""The generator of DCGAN: noise to pictures by transposed convolutions that double the grid each time.

Radford, Metz and Chintala, 2015, Unsupervised Representation Learning with Deep Convolutional Generative
Adversarial Networks, https://arxiv.org/abs/1511.06434.
"""

from itertools import pairwise
from typing import final

from torch import Tensor, nn

from circulant.core.errors import ArgumentError

FIRST_SIDE = 4
SPREAD = 0.02  # of all weights before training; batch norms vary as much around 1


@final
class DcGanGenerator(nn.Module):
    """4x4 transposed convolutions, batch norm, ReLU; tanh at the end.

    Shapes: z (B, noise, 1, 1) -> y (B, out_channels, side, side), side 8 or a higher power of two.
    """

    def __init__(self, noise: int = 128, out_channels: int = 3, width: int = 64, side: int = 64) -> None:
        """width: channels before the last layer; the layer before has twice as many, up to 8 times."""
        super().__init__()
        if side < 2 * FIRST_SIDE or side & (side - 1):
            raise ArgumentError(f"expected a side of 8, 16, 32, ..., got {side}")
        doublings = (side // FIRST_SIDE).bit_length() - 1
        widths = [width * min(8, 2 ** (doublings - 1 - level)) for level in range(doublings)]
        layers: list[nn.Module] = [nn.ConvTranspose2d(noise, widths[0], FIRST_SIDE, bias=False)]
        for before, after in pairwise(widths):
            layers += [
                nn.BatchNorm2d(before),
                nn.ReLU(),
                nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False),
            ]
        layers += [
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.ConvTranspose2d(width, out_channels, 4, 2, 1),
            nn.Tanh(),
        ]
        self.layers = nn.Sequential(*layers)
        for layer in self.layers:
            if isinstance(layer, nn.ConvTranspose2d):
                nn.init.normal_(layer.weight, 0, SPREAD)
            elif isinstance(layer, nn.BatchNorm2d):
                nn.init.normal_(layer.weight, 1, SPREAD)

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)
