"""The block of networks made of multiresolution convolutions."""

from typing import final

from torch import Tensor, nn

from circulant.models.channel_norm import ChannelLayerNorm
from circulant.models.residual import Residual
from circulant.operators.sequence.multires_conv1d import MultiresConv1d


@final
class MultiresLayer(nn.Module):
    """norm(x + glu(mix(gelu(multires(x))))), dropping whole channels after either nonlinearity.

    Shapes: x (B, C, L) -> y (B, C, L). batch_norm takes the place of layer norm, as published for images.
    """

    def __init__(
        self,
        channels: int,
        length: int,
        kernel_size: int = 2,
        *,
        coefficients: int | None = None,
        dropout: float = 0.0,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        branch = nn.Sequential(
            MultiresConv1d(channels, length, kernel_size, coefficients=coefficients),
            nn.GELU(),
            nn.Dropout1d(dropout),
            nn.Conv1d(channels, 2 * channels, 1),
            nn.GLU(dim=1),
            nn.Dropout1d(dropout),
        )
        norm = nn.BatchNorm1d(channels) if batch_norm else ChannelLayerNorm(channels)
        self.body = Residual(branch, norm, post_norm=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)
