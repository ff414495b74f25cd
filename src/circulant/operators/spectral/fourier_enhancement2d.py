r"""Fourier enhancement: features sharpened in magnitude and phase, beside a branch that stays in space.

    n = GroupNorm(x),   f = silu(F_1 * n),   A exp(i P) = rfft2(f)
    g = P_1 (f + irfft2(silu(F_A * A) exp(i silu(F_P * P)))),   s = n + S_2 * silu(S_1 * n),   y = P_2 [s; g]

Shapes: x (B, C, H, W) -> y (B, C, H, W). F_1, F_A, F_P, S_1 and S_2 are 3x3 convolutions, F_A and F_P over
the (H, W // 2 + 1) bins; P_1 and P_2 see one position. Transforms are orthonormal; there is no residual
around the operator. The published block has C = 1280 and sits in the middle of a U-Net.

What surprises: convolutions over bins treat neighbouring frequencies alike, wherever they lie, and silu
bends phases: with it the spectral path cannot give back its input (bends_spectrum=False leaves both out).
Bins that are their own mirror images are real; here their phase is 0 or pi, while in the published code it
may come out as -pi, with the rounding of the transform.
"""

from math import gcd
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.pairs import from_polar
from circulant.core.sizes import Shape
from circulant.engine.costs import transform_cost
from circulant.engine.transform import irfftn, rfftn
from circulant.operators.spectral.planned_conv2d import PlannedConv2d
from circulant.operators.spectral.polar import real_where_own_mirror, to_polar
from circulant.problems.transform import TransformKind

GROUPS = 8


def reference(
    x: Tensor, state: dict[str, Tensor], groups: int = GROUPS, bends_spectrum: bool = True
) -> Tensor:
    B, _, H, W = x.shape

    def silu(v: Tensor) -> Tensor:
        return v / (1 + torch.exp(-v))

    def convolved(values: Tensor, name: str) -> Tensor:
        weight, (rows, columns) = state[f"{name}.weight"], values.shape[2:]
        reach = weight.shape[-1] // 2
        outer = values.new_zeros(*values.shape[:2], rows + 2 * reach, columns + 2 * reach)
        outer[:, :, reach : reach + rows, reach : reach + columns] = values
        y = state[f"{name}.bias"][:, None, None]
        for i, j in torch.cartesian_prod(*[torch.arange(2 * reach + 1)] * 2).tolist():
            y = y + torch.einsum(
                "oc,bchw->bohw", weight[..., i, j], outer[..., i : i + rows, j : j + columns]
            )
        return y

    grouped = x.reshape(B, groups, -1)
    spread = ((grouped - grouped.mean(2, True)) ** 2).mean(2, True)
    n = ((grouped - grouped.mean(2, True)) / (spread + 1e-5).sqrt()).reshape(x.shape)
    n = n * state["norm.weight"][:, None, None] + state["norm.bias"][:, None, None]
    f = silu(convolved(n, "first"))
    k, l = torch.arange(H)[:, None, None, None], torch.arange(W // 2 + 1)[:, None, None]
    angle = 2 * torch.pi * (k * torch.arange(H)[:, None] / H + l * torch.arange(W) / W).to(x)
    real = torch.einsum("bchw,klhw->bckl", f, angle.cos()) / (H * W) ** 0.5
    imaginary = -torch.einsum("bchw,klhw->bckl", f, angle.sin()) / (H * W) ** 0.5
    own_mirror = (2 * k[..., 0, 0] % H == 0) & (2 * l[:, 0, 0] % W == 0)
    imaginary = torch.where(own_mirror, 0.0, imaginary)  # not a product, which could be -0.0
    bent = silu if bends_spectrum else (lambda v: v)
    size = bent(convolved(torch.sqrt(real**2 + imaginary**2), "magnitude"))
    phase = bent(convolved(torch.atan2(imaginary, real), "phase"))
    share = torch.where(2 * l[:, 0, 0] % W == 0, 1.0, 2.0).to(x) / (H * W) ** 0.5
    back = torch.einsum("bckl,klhw->bchw", size * phase.cos() * share, angle.cos())
    back = back - torch.einsum("bckl,klhw->bchw", size * phase.sin() * share, angle.sin())
    s = n + convolved(silu(convolved(n, "local_first")), "local_last")
    return convolved(torch.cat([s, convolved(f + back, "last")], 1), "fuse")


@final
class FourierEnhancement2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int,
        groups: int = GROUPS,
        *,
        bends_spectrum: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if groups < 1 or channels % groups:
            raise ArgumentError(f"expected groups as a divisor of channels = {channels}, got {groups}")
        self.channels, self.groups, self.bends_spectrum = channels, groups, bends_spectrum

        def conv(kernel: int, inner: int = channels) -> PlannedConv2d:
            return PlannedConv2d(inner, channels, kernel, device=device, dtype=dtype)

        self.norm = nn.GroupNorm(groups, channels, device=device, dtype=dtype)
        self.first, self.magnitude, self.phase, self.last = conv(3), conv(3), conv(3), conv(1)
        self.local_first, self.local_last = conv(3), conv(3)
        self.fuse = conv(1, 2 * channels)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        normed = self.norm(x)
        features = F.silu(self.first(normed))
        spectral = self.last(features + self.spectral_path(features))
        spatial = normed + self.local_last(F.silu(self.local_first(normed)))
        return self.fuse(torch.cat([spatial, spectral], 1))

    def spectral_path(self, features: Tensor) -> Tensor:
        """What the convolutions over bins make of features (B, C, H, W), before these are added."""
        sizes = tuple(features.shape[2:])
        magnitude, phase = to_polar(real_where_own_mirror(rfftn(features, 2, orthonormal=True), sizes))
        magnitude, phase = self.magnitude(magnitude), self.phase(phase)
        if self.bends_spectrum:
            magnitude, phase = F.silu(magnitude), F.silu(phase)
        return irfftn(from_polar(magnitude, phase), sizes, orthonormal=True)

    def cost(self, shape: Shape) -> Cost:
        B, C, H, W = shape
        total = transform_cost(TransformKind.RFFT, B * C, H, W) * 2 + self.fuse.cost((B, 2 * C, H, W))
        for part in (self.magnitude, self.phase):
            total += part.cost((B, C, H, W // 2 + 1))
        for part in (self.first, self.last, self.local_first, self.local_last):
            total += part.cost(shape)
        return total

    def extra_repr(self) -> str:
        return f"{self.channels}, groups={self.groups}"


def _mixer(channels: int, spatial: Shape) -> FourierEnhancement2d:
    return FourierEnhancement2d(channels, gcd(channels, GROUPS))


CARD = Card(
    operators=(FourierEnhancement2d,),
    reference=reference,
    papers=(
        Paper(
            "Song, Wang, Li, Zhang, Zhu, Liu, Jiang and Zhang",
            2025,
            "DepthMaster: Taming Diffusion Models for Monocular Depth Estimation",
            "https://arxiv.org/abs/2501.02576",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 4, 4, 5), lambda: FourierEnhancement2d(4, 2), {"groups": 2}),
        Case((1, 8, 3, 4), lambda: FourierEnhancement2d(8)),
        Case(
            (1, 2, 5, 3),
            lambda: FourierEnhancement2d(2, 1, bends_spectrum=False),
            {"groups": 1, "bends_spectrum": False},
        ),
    ),
    refuses=(
        BadInput((2, 5, 4, 4), lambda: FourierEnhancement2d(8), says="C = 8"),
        BadInput((2, 8, 4), lambda: FourierEnhancement2d(8), says="(B, C, H, W)"),
        BadInput((2, 6, 4, 4), lambda: FourierEnhancement2d(6), says="divisor of channels"),
    ),
    mixer=_mixer,
)
