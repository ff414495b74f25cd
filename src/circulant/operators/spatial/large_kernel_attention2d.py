r"""Large kernel attention: a picture weighted by a long-range linear summary of itself.

    a = W (w_2 *_d (w_1 * x + b_1) + b_2) + b,   y = a x

w_1 is a depthwise (2 d - 1) x (2 d - 1) kernel, w_2 a depthwise ceil(K / d) x ceil(K / d) kernel whose taps
are d samples apart, W mixes the channels of each position. There is no sigmoid: a may have any size and
sign. Shapes: x (B, C, H, W) -> y (B, C, H, W); w_1, w_2 (C, 1, *, *), W (C, C, 1, 1).

K is nominal: both kernels together span 2 d - 1 + d (ceil(K / d) - 1) samples, 23 for K = 21 and d = 3.
At a border each pads in turn, so that they are one large kernel in the interior only; on a torus, with
`boundary=Boundary.CIRCULAR`, everywhere, but then the picture must be as large as the padding at least.
"""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.convolution import Boundary
from circulant.engine.costs import pointwise_cost
from circulant.operators.spatial.depthwise_conv import DepthwiseConv2d


def reference(x: Tensor, state: dict[str, Tensor], dilation: int = 3, circular: bool = False) -> Tensor:
    local = _correlate(x, state["local.weight"], 1, circular) + state["local.bias"][:, None, None]
    distant = _correlate(local, state["distant.weight"], dilation, circular)
    distant = distant + state["distant.bias"][:, None, None]
    mixed = torch.einsum("oi,bihw->bohw", state["pointwise.weight"][:, :, 0, 0], distant)
    return x * (mixed + state["pointwise.bias"][:, None, None])


def _correlate(x: Tensor, weight: Tensor, dilation: int, circular: bool) -> Tensor:
    """Each channel with its own kernel, one sample at a time; before and after are as torch's "same"."""
    H, W = x.shape[2:]
    K = weight.shape[-1]
    before = dilation * (K - 1) // 2
    rows = []
    for h in range(H):
        for w in range(W):
            total = torch.zeros_like(x[:, :, 0, 0])
            for i in range(K):
                for j in range(K):
                    u, v = h + dilation * i - before, w + dilation * j - before
                    if circular or (0 <= u < H and 0 <= v < W):
                        total = total + weight[:, 0, i, j] * x[:, :, u % H, v % W]
            rows.append(total)
    return torch.stack(rows, dim=-1).reshape(x.shape)


@final
class LargeKernelAttention2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int,
        kernel_size: int = 21,
        dilation: int = 3,
        *,
        boundary: Boundary = Boundary.ZEROS,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if not 1 <= dilation <= kernel_size:
            raise ArgumentError(f"expected dilation from 1 to kernel_size = {kernel_size}, got {dilation}")
        self.channels, self.kernel_size, self.dilation = channels, kernel_size, dilation
        near, far = 2 * dilation - 1, -(-kernel_size // dilation)
        self.local = DepthwiseConv2d(channels, (near, near), boundary=boundary, device=device, dtype=dtype)
        self.distant = DepthwiseConv2d(
            channels, (far, far), dilation=dilation, boundary=boundary, device=device, dtype=dtype
        )
        self.pointwise = nn.Conv2d(channels, channels, 1, device=device, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        return x * self.pointwise(self.distant(self.local(x)))

    def cost(self, shape: Shape) -> Cost:
        return self.local.cost(shape) + self.distant.cost(shape) + pointwise_cost(shape, self.channels)

    def extra_repr(self) -> str:
        return f"{self.channels}, kernel_size={self.kernel_size}, dilation={self.dilation}"


def _mixer(channels: int, spatial: Shape) -> LargeKernelAttention2d:
    return LargeKernelAttention2d(channels)


CARD = Card(
    operators=(LargeKernelAttention2d,),
    reference=reference,
    papers=(
        Paper(
            "Guo, Lu, Liu, Cheng and Hu", 2022, "Visual Attention Network", "https://arxiv.org/abs/2202.09741"
        ),
        Paper(
            "Zhu, Chen, Yu, Qu, Zhou, Ma, Zhao, Liu, Mi and Wang",
            2024,
            "PuYun: Medium-Range Global Weather Forecasting Using Large Kernel Attention "
            "Convolutional Networks",
            "https://arxiv.org/abs/2409.02123",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((1, 2, 5, 4), lambda: LargeKernelAttention2d(2)),
        Case((2, 3, 4, 3), lambda: LargeKernelAttention2d(3, 4, 2), {"dilation": 2}),
        Case((2, 2, 3, 5), lambda: LargeKernelAttention2d(2, 3, 1), {"dilation": 1}),
        Case(
            (1, 2, 5, 6),
            lambda: LargeKernelAttention2d(2, 5, 2, boundary=Boundary.CIRCULAR),
            {"dilation": 2, "circular": True},
        ),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: LargeKernelAttention2d(3), says="C = 3"),
        BadInput((3, 8, 8), lambda: LargeKernelAttention2d(3), says="(B, C, H, W)"),
        BadInput((2, 3, 8, 8), lambda: LargeKernelAttention2d(3, 5, 0), says="dilation from 1"),
    ),
    mixer=_mixer,
)
