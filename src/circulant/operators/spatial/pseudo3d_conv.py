r"""Pseudo-3D convolution: 3 x 3 within each frame and 3 along time stand in for 3 x 3 x 3.

    S(h) = relu(bn(w_S * h)),   T(h) = relu(bn(w_T * h))
    variant A: y = T(S(x)),   B: y = S(x) + T(x),   C: y = S(x) + T(S(x)),   FLAT: y = S(x)

w_S (C, C, 1, 3, 3) and w_T (C, C, 3, 1, 1) have no bias; zeros lie around the film.
Shapes: x (B, C, T, H, W) -> y (B, C, T, H, W), time first.

12 weights for each pair of channels instead of 27, and the kernels of a network for pictures fit w_S. FLAT is
that network, one frame at a time. `bare` leaves out norms and relu; what is left is one 3 x 3 x 3 convolution
(`to_conv`).
"""

from enum import Enum
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.conv_settings import TorchConv, conv_settings
from circulant.operators.spatial.dense_conv import DenseConv

SPATIAL_KERNEL, TEMPORAL_KERNEL = (1, 3, 3), (3, 1, 1)


@final
class Pseudo3dVariant(Enum):
    """How the convolution along time joins the one within frames."""

    A = "after"
    B = "beside"
    C = "after, and beside it"
    FLAT = "not at all"


EXPORTS = (Pseudo3dVariant,)


def reference(
    x: Tensor, state: dict[str, Tensor], variant: str = "A", bare: bool = False, training: bool = False
) -> Tensor:
    T, H, W = x.shape[2:]

    def heard(h: Tensor, name: str) -> Tensor:
        kernel, outer = state[f"{name}.weight"], h.new_zeros(*h.shape[:2], T + 2, H + 2, W + 2)
        outer[:, :, 1:-1, 1:-1, 1:-1] = h
        total = torch.zeros_like(h)
        depth, height, width = kernel.shape[2:]
        for t in range(depth):
            for i in range(height):
                for j in range(width):
                    at = t + (3 - depth) // 2, i + (3 - height) // 2, j + (3 - width) // 2
                    met = outer[:, :, at[0] : at[0] + T, at[1] : at[1] + H, at[2] : at[2] + W]
                    total = total + torch.einsum("oi,bithw->bothw", kernel[:, :, t, i, j], met)
        if bare:
            return total
        mean, variance = state[f"{name}_norm.running_mean"], state[f"{name}_norm.running_var"]
        if training:
            mean, variance = total.mean((0, 2, 3, 4)), total.var((0, 2, 3, 4), correction=0)
        scale = state[f"{name}_norm.weight"] / (variance + 1e-5).sqrt()
        shift = state[f"{name}_norm.bias"] - mean * scale
        return (total * scale[:, None, None, None] + shift[:, None, None, None]).clamp(min=0)

    within = heard(x, "spatial")
    if variant == "FLAT":
        return within
    along = heard(x if variant == "B" else within, "temporal")
    return along if variant == "A" else within + along


@final
class Pseudo3dConv(Operator):
    ndims = (3,)

    def __init__(
        self,
        channels: int,
        variant: Pseudo3dVariant = Pseudo3dVariant.A,
        *,
        bare: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels, self.variant, self.bare = channels, variant, bare

        def conv(kernel: Shape) -> DenseConv:
            settings = conv_settings(3, channels, channels, kernel, padding="same")
            return DenseConv(settings, bias=False, device=device, dtype=dtype)

        def norm() -> nn.Module:
            return nn.Identity() if bare else nn.BatchNorm3d(channels, device=device, dtype=dtype)

        is_flat = variant is Pseudo3dVariant.FLAT
        self.spatial, self.spatial_norm = conv(SPATIAL_KERNEL), norm()
        self.temporal = None if is_flat else conv(TEMPORAL_KERNEL)
        self.temporal_norm = None if is_flat else norm()

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        within = self._bent(self.spatial_norm(self.spatial(x)))
        if self.temporal is None or self.temporal_norm is None:
            return within
        earlier = x if self.variant is Pseudo3dVariant.B else within
        along = self._bent(self.temporal_norm(self.temporal(earlier)))
        return along if self.variant is Pseudo3dVariant.A else within + along

    def _bent(self, h: Tensor) -> Tensor:
        return h if self.bare else h.relu()

    @torch.no_grad()
    def to_conv(self) -> TorchConv:
        """torch's own layer with one 3 x 3 x 3 kernel; only of a bare operator."""
        if not self.bare:
            raise ArgumentError("expected a bare operator, got norms and relu; make it with bare=True")
        C, within = self.channels, self.spatial.weight
        kernel = within.new_zeros(C, C, 3, 3, 3)
        if self.variant is not Pseudo3dVariant.A:
            kernel[:, :, 1:2] += within
        if self.temporal is not None and self.variant is Pseudo3dVariant.B:
            kernel[:, :, :, 1:2, 1:2] += self.temporal.weight
        elif self.temporal is not None:
            kernel += torch.einsum("omt,mihw->oithw", self.temporal.weight[..., 0, 0], within[:, :, 0])
        return conv_settings(3, C, C, 3, padding="same").layer(kernel, None)

    def cost(self, shape: Shape) -> Cost:
        within = self.spatial.cost(shape)
        return within if self.temporal is None else within + self.temporal.cost(shape)

    def extra_repr(self) -> str:
        return f"{self.channels}, variant={self.variant.name}, bare={self.bare}"


def _mixer(channels: int, spatial: Shape) -> Pseudo3dConv:
    return Pseudo3dConv(channels)


CARD = Card(
    operators=(Pseudo3dConv,),
    reference=reference,
    papers=(
        Paper(
            "Qiu, Yao and Mei",
            2017,
            "Learning Spatio-Temporal Representation with Pseudo-3D Residual Networks",
            "https://arxiv.org/abs/1711.10305",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 2, 3, 4, 3), lambda: Pseudo3dConv(2)),
        Case((1, 3, 2, 3, 4), lambda: Pseudo3dConv(3, Pseudo3dVariant.B), {"variant": "B"}),
        Case(
            (2, 2, 4, 2, 3),
            lambda: Pseudo3dConv(2, Pseudo3dVariant.C, bare=True),
            {"variant": "C", "bare": True},
        ),
        Case((2, 2, 2, 3, 3), lambda: Pseudo3dConv(2, Pseudo3dVariant.FLAT), {"variant": "FLAT"}),
    ),
    refuses=(
        BadInput((2, 4, 3, 3, 3), lambda: Pseudo3dConv(3), says="C = 3"),
        BadInput((2, 3, 3, 3), lambda: Pseudo3dConv(3), says="(B, C, D, H, W)"),
    ),
    mixer=_mixer,
)
