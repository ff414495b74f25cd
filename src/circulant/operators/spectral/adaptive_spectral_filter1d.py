r"""Adaptive spectral filter: real gains per head and frequency, computed from the mean of the sequence.

    y = irfft(modReLU(W rfft(x))),   W[b, h, k] = base[h, k] + (W2 gelu(W1 mean_l x[b, :, l] + b1) + b2)[h, k]
    modReLU(z) = max(|z| + bias[h, k], 0) z / |z|

Shapes: x (B, C, L) -> y (B, C, L), with L = length; base and bias (heads, length // 2 + 1), at first 1 and 0.
Channel c belongs to head c // (C / heads); transforms are orthonormal. With adaptive=False W is base alone
and, while bias is 0, the operator is a circular convolution with an even kernel, because W is real.

This is the form of the authors' first release. Later ones have W = base (1 + network), add a real offset to
every bin, after which a shift of x no longer just shifts y, and put GELU of |z| in modReLU's place.
Deviation: |z| is exact here, where their code divides by |z| + 1e-6. Norm, dropout and residual belong to
the network around the operator.
"""

from math import gcd
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost, matmul_cost
from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import transform_cost
from circulant.engine.transform import irfft, rfft
from circulant.operators.spectral.complex_view import modulus, scaled
from circulant.operators.spectral.mod_relu import ModReLU, kept_share
from circulant.problems.transform import TransformKind

EXPORTS = ("ModReLU",)


def reference(x: Tensor, state: dict[str, Tensor], heads: int = 4) -> Tensor:
    B, C, L = x.shape
    W = state["base"].expand(B, -1, -1)
    if "context.0.weight" in state:
        hidden = (x.sum(2) / L) @ state["context.0.weight"].T + state["context.0.bias"]
        hidden = hidden * (1 + torch.erf(hidden / 2**0.5)) / 2
        made = hidden @ state["context.2.weight"].T + state["context.2.bias"]
        W = W + made.reshape(B, heads, L // 2 + 1)
    y = torch.zeros_like(x)
    for c in range(C):
        for k in range(L // 2 + 1):
            h, has_mirror_image = c // (C // heads), 0 < 2 * k < L
            angle = 2 * torch.pi * (k * torch.arange(L) % L) / L
            real = W[:, h, k] * (x[:, c] @ angle.cos().to(x)) / L**0.5
            imaginary = -W[:, h, k] * (x[:, c] @ angle.sin().to(x)) / L**0.5 * has_mirror_image
            size = torch.sqrt(real**2 + imaginary**2)
            kept = (1 + has_mirror_image) * (size + state["activation.bias"][h, k]).clamp(min=0) / size
            wave = real[:, None] * angle.cos() - imaginary[:, None] * angle.sin()
            y[:, c] += kept[:, None] * wave / L**0.5
    return y


@final
class AdaptiveSpectralFilter1d(Operator):
    ndims = (1,)

    def __init__(
        self,
        channels: int,
        length: int,
        heads: int = 4,
        *,
        adaptive: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if heads < 1 or channels % heads:
            raise ArgumentError(f"expected heads as a divisor of channels = {channels}, got {heads}")
        if length < 1:
            raise ArgumentError(f"expected length of 1 or more, got {length}")
        self.channels, self.length, self.heads = channels, length, heads
        bins = length // 2 + 1
        self.base = nn.Parameter(torch.empty(heads, bins, device=device, dtype=dtype))
        self.activation = ModReLU(heads, bins, device=device, dtype=dtype)
        self.context = _network(channels, heads * bins, device, dtype) if adaptive else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.ones_(self.base)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        if x.shape[-1] != self.length:
            raise ShapeError(
                f"expected x (B, C, L) with L = {self.length}, got x {tuple(x.shape)}; "
                "the filter has one gain per frequency, so build one for that length"
            )
        z = rfft(x).unflatten(1, (self.heads, -1))
        gain = self.filter(x)[:, :, None].to(z.dtype)
        filtered_size = modulus(z) * (gain.abs() * self.length**-0.5)  # as in an orthonormal transform
        share = kept_share(filtered_size, self.activation.bias[:, None].to(z.dtype))
        return irfft(scaled(z, gain * share).flatten(1, 2), self.length)

    def filter(self, x: Tensor) -> Tensor:
        """The gains W (B, heads, bins) for x, or (1, heads, bins) if they do not depend on it."""
        if self.context is None:
            return self.base[None]
        return self.base + self.context(x.mean(-1)).unflatten(-1, self.base.shape)

    def cost(self, shape: Shape) -> Cost:
        B, C, L = shape
        to_bins, back = TransformKind.RFFT, TransformKind.RFFT_ADJOINT
        transforms = transform_cost(to_bins, B * C, L) + transform_cost(back, B * C, L)
        if self.context is None:
            return transforms
        return transforms + matmul_cost(B, C, C) + matmul_cost(B, C, self.base.numel())

    def extra_repr(self) -> str:
        return f"{self.channels}, length={self.length}, heads={self.heads}"


def _network(
    channels: int, made: int, device: torch.device | str | None, dtype: torch.dtype | None
) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(channels, channels, device=device, dtype=dtype),
        nn.GELU(),
        nn.Linear(channels, made, device=device, dtype=dtype),
    )


def _mixer(channels: int, spatial: Shape) -> AdaptiveSpectralFilter1d:
    return AdaptiveSpectralFilter1d(channels, spatial[0], gcd(channels, 4))


CARD = Card(
    operators=(AdaptiveSpectralFilter1d,),
    reference=reference,
    papers=(
        Paper(
            "Fein-Ashley, Kannan and Prasanna",
            2025,
            "The FFT Strikes Back: An Efficient Alternative to Self-Attention",
            "https://arxiv.org/abs/2502.18394",
        ),
    ),
    laws=frozenset({Law.SHIFT_EQUIVARIANT}),
    cases=(
        Case((2, 4, 6), lambda: AdaptiveSpectralFilter1d(4, 6, 2), {"heads": 2}),
        Case((1, 4, 7), lambda: AdaptiveSpectralFilter1d(4, 7)),
        Case((2, 3, 5), lambda: AdaptiveSpectralFilter1d(3, 5, 1, adaptive=False), {"heads": 1}),
        Case((2, 2, 1), lambda: AdaptiveSpectralFilter1d(2, 1, 2), {"heads": 2}),
    ),
    refuses=(
        BadInput((2, 5, 6), lambda: AdaptiveSpectralFilter1d(4, 6), says="C = 4"),
        BadInput((2, 4, 7), lambda: AdaptiveSpectralFilter1d(4, 6), says="L = 6"),
        BadInput((4, 6), lambda: AdaptiveSpectralFilter1d(4, 6), says="(B, C, L)"),
    ),
    mixer=_mixer,
)
