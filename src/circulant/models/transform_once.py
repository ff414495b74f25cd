"""Transform once (T1): a network that computes on cosine coefficients from the first layer to the last.

Poli et al., "Transform Once: Efficient Operator Learning in Frequency Domain" (2022).
"""

from collections.abc import Iterable
from enum import Enum
from math import sqrt
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.sizes import Shape, product
from circulant.engine.cosine_transform import dct, idct

HEAD = 128  # channels of the head's hidden layer
SMALL = 1e-8  # standard deviation of the head's weights at first: outputs start at zero


class SpectralActivation(Enum):
    SIN = "sin"
    GELU = "gelu"
    NONE = "none"

    def __call__(self, z: Tensor) -> Tensor:
        if self is SpectralActivation.SIN:
            return z.sin()
        return nn.functional.gelu(z) if self is SpectralActivation.GELU else z


def select_modes(coefficients: Tensor, modes: Shape) -> Tensor:
    """The lowest frequencies (.., *modes) of coefficients (.., *sizes)."""
    for axis, m in enumerate(modes, -len(modes)):
        if m > coefficients.shape[axis]:
            sizes = tuple(coefficients.shape[-len(modes) :])
            raise ShapeError(f"expected at least {modes} coefficients, got {sizes}; take fewer modes")
        coefficients = coefficients.narrow(axis, 0, m)
    return coefficients


def variance_preserving_init(weight: Tensor, points: int, modes: int, *, is_complex: bool = False) -> Tensor:
    """Draw weight (c_in, c_out, *modes) so that a layer on few modes keeps the variance of white signals.

    Standard deviation sqrt(points / (modes c_in)), points and modes in all: the modes that are left carry the
    power of those that are dropped. is_complex: pairs (.., 2) of a Fourier transform, half for each part.
    """
    gain = 0.5 if is_complex else 1.0
    return nn.init.normal_(weight, std=gain * sqrt(points / (modes * weight.shape[0])))


@final
class SpectralLayer(nn.Module):
    """act(sum_i W[i, o, k] X[i, k]), mixed by a matrix for each channel along each axis, + X.

    Shapes: coefficients (B, C, *sizes) -> the same. What lies above `modes` is 0, or stays with keep_high.
    """

    def __init__(
        self,
        channels: int,
        modes: Shape,
        points: int,
        *,
        activation: SpectralActivation = SpectralActivation.SIN,
        residual: bool = True,
        keep_high: bool = False,
    ) -> None:
        super().__init__()
        self.modes, self.activation = modes, activation
        self.residual, self.keep_high = residual, keep_high
        self.weight = nn.Parameter(torch.empty(channels, channels, *modes))
        variance_preserving_init(self.weight, points, product(modes))
        self.mixing = nn.ParameterList(nn.Parameter(torch.randn(channels, m, m) / sqrt(m)) for m in modes)

    def forward(self, coefficients: Tensor) -> Tensor:
        low = select_modes(coefficients, self.modes)
        z = self.activation(torch.einsum("bi...,io...->bo...", low, self.weight))
        for axis, matrix in enumerate(self.mixing, 2):
            z = torch.einsum("bc...k,ckl->bc...l", z.movedim(axis, -1), matrix).movedim(-1, axis)
        if self.residual:
            z = z + low
        widths = [n - m for n, m in zip(reversed(coefficients.shape[2:]), reversed(self.modes))]
        around = [side for width in widths for side in (0, width)]
        change = z - low if self.keep_high else z
        padded = nn.functional.pad(change, around)
        return coefficients + padded if self.keep_high else padded


@final
class TransformOnce(nn.Module):
    """Lift of the field and its grid, one cosine transform, layers on coefficients, one inverse transform.

    Shapes: x (B, in_channels, *sizes) -> y (B, out_channels, *sizes); the first weights are for those sizes.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        width: int,
        modes: int | Iterable[int],
        sizes: Shape,
        depth: int = 4,
        *,
        activation: SpectralActivation = SpectralActivation.SIN,
        keep_high: bool = False,
    ) -> None:
        super().__init__()
        kept = (modes,) * len(sizes) if isinstance(modes, int) else tuple(modes)
        if len(kept) != len(sizes) or min(kept) < 1:
            raise ArgumentError(f"expected modes of 1 or more for each of {sizes}, got {modes}")
        self.ndim = len(sizes)
        self.lift = nn.Linear(in_channels + self.ndim, width)
        self.layers = nn.Sequential(
            *(
                SpectralLayer(width, kept, product(sizes), activation=activation, keep_high=keep_high)
                for _ in range(depth)
            )
        )
        self.hidden = nn.Parameter(SMALL * torch.randn(width, HEAD))
        self.project = nn.Parameter(SMALL * torch.randn(HEAD, out_channels))

    def forward(self, x: Tensor) -> Tensor:
        return idct(self.coefficients(x), self.ndim)

    def coefficients(self, x: Tensor) -> Tensor:
        """The cosine coefficients of the answer (B, out_channels, *sizes), for losses in frequency domain."""
        axes = (torch.linspace(0, 1, n, dtype=x.dtype, device=x.device) for n in x.shape[2:])
        grid = torch.stack(torch.meshgrid(*axes, indexing="ij")).expand(len(x), *(-1,) * (self.ndim + 1))
        lifted = self.lift(torch.cat([x, grid], 1).movedim(1, -1)).movedim(-1, 1)
        z = self.layers(dct(lifted, self.ndim)).movedim(1, -1)
        return ((z @ self.hidden).sin() @ self.project).movedim(-1, 1)
