r"""Spatial bottleneck: channels are mixed on a coarser grid, between a depthwise kernel and its way back.

    y = U (W (D x)) + b

D is a depthwise K x K kernel with the stride, W mixes the channels of each coarse position, U is a
depthwise transposed K x K kernel with the stride, onto the grid of x. The mix costs a stride^2-th of what
it costs on the grid of x. Shapes: x (B, I, H, W) -> y (B, O, H, W); down (I, 1, K, K), W (O, I, 1, 1),
up (O, 1, K, K).

K defaults to the stride: patches that meet without overlap. The coarse grid has ceil(H / stride) rows,
the last with zeros for what x lacks. It is linear: activations and residuals are the network's.
"""

from math import sqrt
from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape, transposed_length
from circulant.engine.convolution import conv_transpose, convolution
from circulant.engine.costs import convolution_problem, pointwise_cost, problem_cost


def reference(x: Tensor, state: dict[str, Tensor], stride: int = 2) -> Tensor:
    down, up, mix = state["down"], state["up"], state["mix.weight"][:, :, 0, 0]
    B, _, H, W = x.shape
    K = down.shape[-1]
    first = (K - stride) // 2
    y = x.new_zeros(B, len(mix), H, W) + state["bias"][:, None, None]
    for h in range(0, H, stride):
        for w in range(0, W, stride):
            taps = [(i, j, h + i - first, w + j - first) for i in range(K) for j in range(K)]
            taps = [(i, j, u, v) for i, j, u, v in taps if 0 <= u < H and 0 <= v < W]
            coarse = torch.stack([down[:, 0, i, j] * x[:, :, u, v] for i, j, u, v in taps]).sum(0)
            mixed = coarse @ mix.T
            for i, j, u, v in taps:
                y[:, :, u, v] = y[:, :, u, v] + up[:, 0, i, j] * mixed
    return y


@final
class SpatialBottleneckConv2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int = 2,
        kernel_size: int | None = None,
        *,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        K = stride if kernel_size is None else kernel_size
        if not 1 <= stride <= K:
            raise ArgumentError(f"expected a stride from 1 to kernel_size = {K}, got {stride}")
        kind: dict[str, Any] = {"device": device, "dtype": dtype}
        self.in_channels, self.out_channels = in_channels, out_channels
        self.stride, self.kernel, self.before = (stride, stride), (K, K), (K - stride) // 2
        self.down = nn.Parameter(torch.empty(in_channels, 1, K, K, **kind))
        self.mix = nn.Conv2d(in_channels, out_channels, 1, bias=False, **kind)
        self.up = nn.Parameter(torch.empty(out_channels, 1, K, K, **kind))
        self.bias = nn.Parameter(torch.empty(out_channels, **kind)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """As torch.nn.Conv2d: uniform within 1 / sqrt(inputs of an output)."""
        K, step = self.kernel[0], self.stride[0]
        nn.init.uniform_(self.down, -1 / K, 1 / K)
        nn.init.uniform_(self.up, -step / K, step / K)  # (K / step)^2 patches meet at an output
        self.mix.reset_parameters()
        if self.bias is not None:
            bound = 1 / sqrt(self.in_channels)
            nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.in_channels, self.ndims)
        H, W = x.shape[2:]
        sides = ((self.before, self.kernel[0] - 1 - self.before),) * 2
        coarse = convolution(
            x, self.down, stride=self.stride, padding=sides, dilation=(1, 1), groups=self.in_channels
        )
        mixed = self.mix(coarse)
        whole = conv_transpose(
            mixed, self.up, self.bias, stride=self.stride, padding=(0, 0), output_padding=(0, 0),
            groups=self.out_channels, dilation=(1, 1), output_spatial=self._reached(mixed.shape[2:]),
        )  # fmt: skip
        inside = slice(self.before, self.before + H), slice(self.before, self.before + W)
        return whole[:, :, inside[0], inside[1]].contiguous()

    def _reached(self, coarse: Shape) -> Shape:
        """Samples that the way back covers."""
        axes = zip(coarse, self.kernel, self.stride)
        return tuple(transposed_length(n, k, s, 0, 1, 0) for n, k, s in axes)

    def cost(self, shape: Shape) -> Cost:
        sides = ((self.before, self.kernel[0] - 1 - self.before),) * 2
        down = convolution_problem(
            shape, tuple(self.down.shape), stride=self.stride, padding=sides, groups=self.in_channels
        )
        coarse = (*shape[:2], *down.output_spatial)
        reached = (shape[0], self.out_channels, *self._reached(down.output_spatial))
        up = convolution_problem(reached, tuple(self.up.shape), stride=self.stride, groups=self.out_channels)
        return problem_cost(down) + pointwise_cost(coarse, self.out_channels) + problem_cost(up)

    def extra_repr(self) -> str:
        return f"{self.in_channels}, {self.out_channels}, stride={self.stride}, kernel={self.kernel}"


def _mixer(channels: int, spatial: Shape) -> SpatialBottleneckConv2d:
    return SpatialBottleneckConv2d(channels, channels, 2, 4)


CARD = Card(
    operators=(SpatialBottleneckConv2d,),
    reference=reference,
    papers=(
        Paper(
            "Wang, Liu and Foroosh",
            2016,
            "Design of Efficient Convolutional Layers using Single Intra-channel Convolution, Topological "
            'Subdivisioning and Spatial "Bottleneck" Structure',
            "https://arxiv.org/abs/1608.04337",
        ),
    ),
    laws=frozenset({Law.LINEAR}),
    cases=(
        Case((2, 3, 4, 6), lambda: SpatialBottleneckConv2d(3, 2)),
        Case((1, 2, 5, 7), lambda: SpatialBottleneckConv2d(2, 3, 3), {"stride": 3}),
        Case((2, 2, 5, 6), lambda: SpatialBottleneckConv2d(2, 2, 2, 4)),
        Case((1, 2, 4, 4), lambda: SpatialBottleneckConv2d(2, 2, 2, 3)),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: SpatialBottleneckConv2d(3, 3), says="C = 3"),
        BadInput((3, 8, 8), lambda: SpatialBottleneckConv2d(3, 3), says="(B, C, H, W)"),
        BadInput((2, 3, 8, 8), lambda: SpatialBottleneckConv2d(3, 3, 4, 3), says="stride from 1"),
    ),
    mixer=_mixer,
)
