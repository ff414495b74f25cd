r"""Inception depthwise convolution: most channels pass, the others meet a square or one of two band kernels.

    y = concat(x_0, w_1 * x_1 + b_1, w_2 * x_2 + b_2, w_3 * x_3 + b_3)

The C channels are split in order: x_0 has C - 3 g of them, x_1, x_2 and x_3 have g = int(C branch_ratio)
each; w_1 is square_kernel x square_kernel, w_2 is 1 x band_kernel (along the width), w_3 is
band_kernel x 1, all depthwise and padded with zeros. Shapes: x (B, C, H, W) -> y (B, C, H, W).

The whole is one depthwise convolution of band_kernel x band_kernel (`to_conv`), most of it zeros.
Nothing reorders the channels: those that pass here pass in every such layer of a network.
"""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.operators.spatial.depthwise_conv import DepthwiseConv2d


def reference(x: Tensor, state: dict[str, Tensor]) -> Tensor:
    C, H, W = x.shape[1:]
    y = x.clone()
    g = state["square.bias"].shape[0]
    for branch, name in enumerate(("square", "wide", "tall")):
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        rows, columns = weight.shape[2:]
        for n in range(g):
            c = C - 3 * g + branch * g + n
            for h in range(H):
                for w in range(W):
                    total = bias[n].expand(x.shape[0])
                    for i in range(rows):
                        for j in range(columns):
                            u, v = h + i - rows // 2, w + j - columns // 2
                            if 0 <= u < H and 0 <= v < W:
                                total = total + weight[n, 0, i, j] * x[:, c, u, v]
                    y[:, c, h, w] = total
    return y


@final
class InceptionDWConv2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int,
        square_kernel: int = 3,
        band_kernel: int = 11,
        branch_ratio: float = 0.125,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        for name, size in (("square_kernel", square_kernel), ("band_kernel", band_kernel)):
            if size < 1 or size % 2 == 0:
                raise ArgumentError(f"expected an odd {name} of 1 or more, got {size}")
        g = int(channels * branch_ratio)
        if g < 1 or 3 * g > channels:
            raise ArgumentError(
                f"expected a branch_ratio that gives each of 3 branches at least 1 of {channels} channels, "
                f"got {branch_ratio}, which gives {g}"
            )
        self.channels, self.branch_channels = channels, g
        self.square = DepthwiseConv2d(g, (square_kernel, square_kernel), device=device, dtype=dtype)
        self.wide = DepthwiseConv2d(g, (1, band_kernel), device=device, dtype=dtype)
        self.tall = DepthwiseConv2d(g, (band_kernel, 1), device=device, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        g = self.branch_channels
        passed, square, wide, tall = x.split((self.channels - 3 * g, g, g, g), dim=1)
        return torch.cat((passed, self.square(square), self.wide(wide), self.tall(tall)), dim=1)

    @torch.no_grad()
    def to_conv(self) -> nn.Conv2d:
        """torch's own depthwise layer with the kernels embedded in one square, 1 in the middle to pass."""
        branches = (self.square, self.wide, self.tall)
        K = max(size for branch in branches for size in branch.kernel)
        like = self.square.weight
        single = DepthwiseConv2d(self.channels, (K, K), device=like.device, dtype=like.dtype)
        assert single.bias is not None
        nn.init.dirac_(single.weight, groups=self.channels)
        nn.init.zeros_(single.bias)
        start = self.channels - 3 * self.branch_channels
        for branch in branches:
            assert branch.bias is not None
            own = slice(start, start + self.branch_channels)
            rows, columns = (slice((K - k) // 2, (K + k) // 2) for k in branch.kernel)
            single.weight[own].zero_()
            single.weight[own, :, rows, columns].copy_(branch.weight)
            single.bias[own].copy_(branch.bias)
            start += self.branch_channels
        return single.to_conv()

    def cost(self, shape: Shape) -> Cost:
        part = (shape[0], self.branch_channels, *shape[2:])
        return self.square.cost(part) + self.wide.cost(part) + self.tall.cost(part)

    def extra_repr(self) -> str:
        return f"{self.channels}, branch_channels={self.branch_channels}"


def _mixer(channels: int, spatial: Shape) -> InceptionDWConv2d:
    return InceptionDWConv2d(channels)


CARD = Card(
    operators=(InceptionDWConv2d,),
    reference=reference,
    papers=(
        Paper(
            "Yu, Zhou, Yan and Wang",
            2023,
            "InceptionNeXt: When Inception Meets ConvNeXt",
            "https://arxiv.org/abs/2303.16900",
        ),
    ),
    laws=frozenset({Law.LINEAR, Law.DEPTHWISE}),
    cases=(
        Case((2, 8, 3, 4), lambda: InceptionDWConv2d(8)),
        Case((1, 5, 4, 3), lambda: InceptionDWConv2d(5, 1, 3, 0.25)),
        Case((2, 3, 2, 6), lambda: InceptionDWConv2d(3, 5, 3, 1 / 3)),
    ),
    refuses=(
        BadInput((2, 9, 4, 4), lambda: InceptionDWConv2d(8), says="C = 8"),
        BadInput((8, 4, 4), lambda: InceptionDWConv2d(8), says="(B, C, H, W)"),
        BadInput((2, 4, 4, 4), lambda: InceptionDWConv2d(4), says="branch_ratio"),
        BadInput((2, 8, 4, 4), lambda: InceptionDWConv2d(8, band_kernel=10), says="odd band_kernel"),
    ),
    mixer=_mixer,
)
