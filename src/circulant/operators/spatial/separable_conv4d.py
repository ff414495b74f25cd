r"""Separable convolution in four dimensions: within slices, across them and around the phases, added up.

    y = w_xy * x + b_xy + w_z * x + b_z + w_t * x + b_t

w_xy (O, I, 1, K, K) meets zeros around a slice, w_z (O, I, 1, K, 1) copies of the first and the last slice,
and w_t (O, I, K, 1) goes round: after the last phase comes the first.
Shapes: x (B, I, T, D, H, W) -> y (B, O, T, D, H, W), phase first, then slice.

It is a sum, not a composition: one dense kernel in four dimensions that is a cross (`dense_kernel`), with
K^2 + 2 K weights for each pair of channels where a full one has K^4. `planar` leaves out w_z, for single
slices.
"""

from typing import final

import torch
from torch import Tensor

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError, DtypeError, ShapeError
from circulant.core.operator import Operator, require_samples
from circulant.core.sizes import Shape
from circulant.engine.conv_settings import conv_settings
from circulant.operators.spatial.dense_conv import DenseConv


def reference(x: Tensor, state: dict[str, Tensor]) -> Tensor:
    T, D, H, W = x.shape[2:]
    K = state["phase.weight"].shape[2]
    reach = K // 2
    outer = x.new_zeros(*x.shape[:4], H + 2 * reach, W + 2 * reach)
    outer[..., reach : reach + H, reach : reach + W] = x
    y = x.new_zeros(x.shape[0], len(state["phase.weight"]), T, D, H, W)
    for name in state:
        if name.endswith("bias"):
            y = y + state[name][:, None, None, None, None]
    for m in range(K):
        for n in range(K):
            kernel = state["plane.weight"][:, :, 0, m, n]
            y = y + torch.einsum("oi,bitdhw->botdhw", kernel, outer[..., m : m + H, n : n + W])
        around = [(t + m - reach) % T for t in range(T)]
        y = y + torch.einsum("oi,bitdhw->botdhw", state["phase.weight"][:, :, m, 0], x[:, :, around])
        if "depth.weight" in state:
            across = [min(max(d + m - reach, 0), D - 1) for d in range(D)]
            kernel = state["depth.weight"][:, :, 0, m, 0]
            y = y + torch.einsum("oi,bitdhw->botdhw", kernel, x[:, :, :, across])
    return y


@final
class SeparableConv4d(Operator):
    ndims = (4,)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        *,
        bias: bool = True,
        planar: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ArgumentError(f"expected an odd kernel_size of 1 or more, got {kernel_size}")
        self.in_channels, self.kernel_size = in_channels, kernel_size

        def conv(kernel: Shape, boundary: str) -> DenseConv:
            settings = conv_settings(
                len(kernel), in_channels, out_channels, kernel, padding="same", padding_mode=boundary
            )
            return DenseConv(settings, bias=bias, device=device, dtype=dtype)

        K = kernel_size
        self.plane = conv((1, K, K), "zeros")
        self.depth = None if planar else conv((1, K, 1), "replicate")
        self.phase = conv((K, 1), "circular")

    def forward(self, x: Tensor) -> Tensor:
        _require_film(x, self.in_channels, self.kernel_size // 2)
        sizes = x.shape[2:]
        # axes that a kernel does not see are joined: three problems that the engine knows
        y = self.phase(x.flatten(3)).unflatten(3, sizes[1:])
        y = y + self.plane(x.flatten(2, 3)).unflatten(2, sizes[:2])
        return y if self.depth is None else y + self.depth(x.flatten(4)).unflatten(4, sizes[2:])

    @torch.no_grad()
    def dense_kernel(self) -> Tensor:
        """All kernels in one (O, I, K, K, K, K), axes as those of x. Borders stay those of each axis."""
        middle = self.kernel_size // 2
        dense = self.plane.weight.new_zeros(*self.plane.weight.shape[:2], *(self.kernel_size,) * 4)
        dense[:, :, middle, middle] += self.plane.weight[:, :, 0]
        dense[:, :, :, middle, middle, middle] += self.phase.weight[..., 0]
        if self.depth is not None:
            dense[:, :, middle, :, middle, middle] += self.depth.weight[:, :, 0, :, 0]
        return dense

    def cost(self, shape: Shape) -> Cost:
        B, I, T, D, H, W = shape
        total = self.plane.cost((B, I, T * D, H, W)) + self.phase.cost((B, I, T, D * H * W))
        return total if self.depth is None else total + self.depth.cost((B, I, T, D, H * W))


def _require_film(x: Tensor, channels: int, reach: int) -> None:
    if not x.is_floating_point():
        raise DtypeError(f"expected x of a floating-point dtype, got {x.dtype}; convert it with x.float()")
    if x.ndim != 6 or x.shape[1] != channels:
        raise ShapeError(f"expected x (B, C, T, D, H, W) with C = {channels}, got x {tuple(x.shape)}")
    require_samples(tuple(x.shape), 4)
    if x.shape[2] < reach:
        raise ShapeError(
            f"expected at least {reach} phases for a kernel that reaches as far, got x {tuple(x.shape)}"
        )


def _mixer(channels: int, spatial: Shape) -> SeparableConv4d:
    return SeparableConv4d(channels, channels)


CARD = Card(
    operators=(SeparableConv4d,),
    reference=reference,
    papers=(
        Paper(
            "Deng, Chen, Zhou, Hu, Xu, Sun, Lyu, Xi, Chen and Zhao",
            2024,
            "RSTAR: Rotational Streak Artifact Reduction in 4D CBCT "
            "using Separable and Circular Convolutions",
            "https://arxiv.org/abs/2403.16361",
        ),
    ),
    laws=frozenset({Law.LINEAR}),
    cases=(
        Case((2, 2, 3, 2, 3, 4), lambda: SeparableConv4d(2, 3)),
        Case((1, 2, 4, 1, 3, 2), lambda: SeparableConv4d(2, 2, bias=False, planar=True)),
        Case((1, 1, 2, 3, 2, 2), lambda: SeparableConv4d(1, 2, 5)),
    ),
    refuses=(
        BadInput((2, 3, 3, 3, 3, 3), lambda: SeparableConv4d(2, 2), says="C = 2"),
        BadInput((2, 3, 3, 3, 3), lambda: SeparableConv4d(2, 2), says="(B, C, T, D, H, W)"),
        BadInput((2, 2, 3, 3, 3, 3), lambda: SeparableConv4d(2, 2, 4), says="odd kernel_size"),
        BadInput((2, 2, 1, 3, 3, 3), lambda: SeparableConv4d(2, 2, 5), says="at least 2 phases"),
    ),
    mixer=_mixer,
)
