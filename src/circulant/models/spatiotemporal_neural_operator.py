"""A Fourier neural operator over space and time: some frames of a field in, any number of later ones out."""

from collections.abc import Iterable
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.sizes import per_axis
from circulant.models.channel_mlp import ChannelMlp
from circulant.operators.spectral.spatiotemporal_spectral_conv3d import SpatiotemporalSpectralConv3d

COORDINATES = 3  # x, y and t, before the waves over time
GROWTH = -0.01  # of the waves over time, per step: energy fades
LONGEST = 100  # steps that the coordinate t is scaled by
EXPANSION = 4  # of the maps at each position


@final
class SpatiotemporalNeuralOperator(nn.Module):
    """Lifting with coordinates, `depth` spectral layers, and an output layer that adds the last frame.

    Lifting adds coordinates and fading waves over time to the field, and takes it to `latent_steps` times.
    A layer is relu(mlp(spectral(v)) + W v). The output layer is one spectral convolution of one channel,
    with a bias, over the last frame and the latent field; it alone knows how many steps are asked for.
    Shapes: x (B, T, H, W) -> y (B, steps, H, W), T = latent_steps or more.
    """

    def __init__(
        self,
        modes: int | Iterable[int],
        width: int = 20,
        *,
        steps: int = 10,
        latent_steps: int = 10,
        depth: int = 4,
    ) -> None:
        super().__init__()
        sizes = per_axis(modes, 3, "modes")
        if width <= COORDINATES or depth < 2:
            raise ArgumentError(
                f"expected width above {COORDINATES} and depth above 1, got {width} and {depth}"
            )
        self.width, self.steps, self.latent_steps = width, steps, latent_steps
        self.norm = nn.GroupNorm(1, width, eps=1e-7)
        self.project = nn.Conv3d(width, width, 1)
        self.lift = SpatiotemporalSpectralConv3d(width, width, sizes, steps=latent_steps, bias=False)
        self.lift_mlp = ChannelMlp(width, EXPANSION * width)
        self.layers = nn.ModuleList(SpectralLayer(width, sizes) for _ in range(depth - 1))
        self.reduce = nn.Conv3d(width, 1, 1)
        self.output = SpatiotemporalSpectralConv3d(1, 1, sizes, steps=steps + 1, pad_time=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.answer(self.latent(x), x)

    def latent(self, x: Tensor) -> Tensor:
        """Everything but the output layer, x (B, T, H, W) -> (B, 1, H, W, latent_steps)."""
        if x.ndim != 4 or x.shape[1] < self.latent_steps:
            raise ShapeError(
                f"expected x (B, T, H, W) with T = {self.latent_steps} or more, got {tuple(x.shape)}"
            )
        field = x.movedim(1, -1)[:, None]
        v = self.project(self.norm(field + coordinates(field, self.width)))
        v = (v[..., -1:] + self.lift_mlp(self.lift(v))).relu()
        for layer in self.layers:
            v = layer(v)
        return self.reduce(v)

    def answer(self, latent: Tensor, x: Tensor) -> Tensor:
        """The output layer."""
        last = x[:, -1:].movedim(1, -1)[:, None]
        later = self.output(torch.cat([last, latent], -1)).narrow(-1, 1, self.steps)
        return (last + later)[:, 0].movedim(-1, 1)


@final
class SpectralLayer(nn.Module):
    """relu(mlp(spectral(v)) + W v).  Shapes: v (B, C, H, W, T) -> (B, C, H, W, T)."""

    def __init__(self, width: int, modes: Iterable[int]) -> None:
        super().__init__()
        self.spectral = SpatiotemporalSpectralConv3d(width, width, modes, bias=False)
        self.mlp = ChannelMlp(width, EXPANSION * width)
        self.straight = nn.Conv3d(width, width, 1)

    def forward(self, v: Tensor) -> Tensor:
        return (self.mlp(self.spectral(v)) + self.straight(v)).relu()


def coordinates(field: Tensor, width: int) -> Tensor:
    """x, y, t and fading waves over t for fields (.., H, W, T) -> (width, H, W, T)."""
    H, W, T = field.shape[-3:]
    lines = [torch.linspace(0, 1, n, device=field.device, dtype=field.dtype) for n in (H, W)]
    time = torch.arange(1, T + 1, device=field.device, dtype=field.dtype) / LONGEST
    angle = torch.pi * torch.arange(1, width - COORDINATES + 1, device=field.device)[:, None] * time
    is_cosine = torch.arange(len(angle), device=field.device)[:, None] % 2 == 1
    waves = torch.exp(GROWTH * time) * torch.where(is_cosine, angle.cos(), angle.sin())
    along_time = waves[:, None, None].expand(-1, H, W, T)
    return torch.cat([torch.stack(torch.meshgrid(*lines, time, indexing="ij")), along_time])
