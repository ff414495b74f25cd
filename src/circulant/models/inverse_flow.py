"""A normalizing flow for small images: inverse convolutions from all four corners, and couplings."""

from math import log, pi
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.sizes import Shape, product
from circulant.engine.inverse_conv import Corner
from circulant.models.coupling import AffineCoupling, ChannelAffine
from circulant.models.flow import Flow, Transformed
from circulant.models.inverse_conv_flow import InverseConvFlow

SQUEEZE = 2  # pixels along each axis that become channels
LEVELS = 256  # grey values


@final
class InverseFlow(Flow):
    """Squeezed pixels, then `steps` times: scale of each channel, inverse convolution, coupling.

    Latent values have a standard normal prior. Pixels are in [0, 1), with uniform noise of one grey
    value added where they were integers.
    Shapes: x (B, C, H, W) with H and W even -> z (B, 4 C, H / 2, W / 2).
    """

    def __init__(self, channels: int, steps: int = 4, hidden: int = 32, kernel_size: int = 3) -> None:
        super().__init__()
        self.channels = channels
        inner, corners = channels * SQUEEZE**2, list(Corner)
        self.layers = nn.ModuleList()
        for step in range(steps):
            corner = corners[step % len(corners)]
            self.layers.append(ChannelAffine(inner))
            self.layers.append(InverseConvFlow(inner, kernel_size, corner))
            self.layers.append(AffineCoupling(inner, hidden))

    def forward(self, x: Tensor) -> Transformed:
        z = F.pixel_unshuffle(x, SQUEEZE)
        log_det = z.new_zeros(z.shape[0])
        for layer in self.layers:
            moved = layer(z)
            z, log_det = moved.z, log_det + moved.log_det
        return Transformed(z, log_det)

    def inverse(self, z: Tensor) -> Tensor:
        for layer in reversed(self.layers):
            assert isinstance(layer, Flow)
            z = layer.inverse(z)
        return F.pixel_shuffle(z, SQUEEZE)

    def bits_per_dim(self, x: Tensor) -> Tensor:
        """Of each image (B,): what coding its grey values by this model takes, in bits for each of them."""
        moved = self(x)
        log_prior = -0.5 * (moved.z.square() + log(2 * pi)).flatten(1).sum(1)
        nats = -(log_prior + moved.log_det) / product(x.shape[1:])
        return (nats + log(LEVELS)) / log(2)

    def sample(self, count: int, spatial: Shape, generator: torch.Generator | None = None) -> Tensor:
        """Images (count, C, *spatial), by plain convolutions."""
        lead = next(self.parameters())
        inner = (count, self.channels * SQUEEZE**2, *(size // SQUEEZE for size in spatial))
        z = torch.randn(inner, generator=generator, device=lead.device, dtype=lead.dtype)
        return self.inverse(z)
