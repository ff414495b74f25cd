r"""Involution: a kernel made anew at every position, shared by the channels of a group.

    y[b, c, p] = sum_m H[b, g(c), m, p] x[b, c, stride p + dilation (m - K // 2)]
    H[b, :, :, p] = W1 relu(BN(W0 z[b, :, p])) + b1

z is x, for stride > 1 averaged over windows of stride x stride; g(c) = c // group_channels; outside x
there are zeros. The kernel is linear in its features, with no softmax.
Shapes: x (B, C, H, W) -> y (B, C, H_out, W_out), H_out = ceil(H / stride); W0 (C / reduction, C),
W1 (K^2 C / group_channels, C / reduction).

Where the stride does not divide the size, the last windows average what there is of them, so that
features and outputs stay aligned. In training mode the batch norm sees all examples together.
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import convolution_problem, pointwise_cost, problem_cost
from circulant.engine.local_conv import local_conv
from circulant.problems.local_conv import LocalConvProblem
from circulant.problems.trilinear import Slot


def reference(
    x: Tensor,
    state: dict[str, Tensor],
    kernel_size: int = 7,
    stride: int = 1,
    dilation: int = 1,
    training: bool = False,
    eps: float = 1e-5,
) -> Tensor:
    kernel = _kernels(_averaged(x, stride), state, training, eps)
    B, C, H, W = x.shape
    K, reach = kernel_size, dilation * (kernel_size // 2)
    outer = x.new_zeros(B, C, H + 2 * reach, W + 2 * reach)
    outer[:, :, reach : reach + H, reach : reach + W] = x
    y = x.new_zeros(B, C, *kernel.shape[2:])
    per_group = C // (kernel.shape[1] // K**2)
    for c in range(C):
        for i in range(K):
            for j in range(K):
                met = outer[:, c, dilation * i :: stride, dilation * j :: stride]
                own = kernel[:, c // per_group * K**2 + i * K + j]
                y[:, c] += own * met[:, : own.shape[1], : own.shape[2]]
    return y


def _averaged(x: Tensor, stride: int) -> Tensor:
    rows = []
    for h in range(0, x.shape[2], stride):
        windows = [x[:, :, h : h + stride, w : w + stride] for w in range(0, x.shape[3], stride)]
        rows.append(torch.stack([window.mean((2, 3)) for window in windows], dim=2))
    return torch.stack(rows, dim=2)


def _kernels(z: Tensor, state: dict[str, Tensor], training: bool, eps: float) -> Tensor:
    hidden = torch.einsum("oi,bihw->bohw", state["reduce.weight"][:, :, 0, 0], z)
    mean, variance = state["norm.running_mean"], state["norm.running_var"]
    if training:
        mean = hidden.mean((0, 2, 3))
        variance = ((hidden - mean[:, None, None]) ** 2).mean((0, 2, 3))
    scale = state["norm.weight"] / torch.sqrt(variance + eps)
    normal = scale[:, None, None] * (hidden - mean[:, None, None]) + state["norm.bias"][:, None, None]
    kernel = torch.einsum("oi,bihw->bohw", state["span.weight"][:, :, 0, 0], normal.clamp(min=0))
    return kernel + state["span.bias"][:, None, None]


@final
class Involution2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int,
        kernel_size: int = 7,
        stride: int = 1,
        *,
        dilation: int = 1,
        group_channels: int = 16,
        reduction: int = 4,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ArgumentError(f"expected an odd kernel_size of 1 or more, got {kernel_size}")
        if min(stride, dilation) < 1:
            raise ArgumentError(f"expected stride and dilation of 1 or more, got {stride} and {dilation}")
        if group_channels < 1 or channels % group_channels:
            raise ArgumentError(
                f"expected group_channels to divide channels = {channels}, got {group_channels}"
            )
        if not 1 <= reduction <= channels:
            raise ArgumentError(f"expected reduction from 1 to channels = {channels}, got {reduction}")
        self.channels, self.stride, self.groups = channels, stride, channels // group_channels
        self.kernel, self.dilation = (kernel_size, kernel_size), (dilation, dilation)
        self.padding = ((dilation * (kernel_size // 2),) * 2,) * 2
        hidden, taps = channels // reduction, kernel_size**2
        self.reduce = nn.Conv2d(channels, hidden, 1, bias=False, device=device, dtype=dtype)
        self.norm = nn.BatchNorm2d(hidden, device=device, dtype=dtype)
        self.span = nn.Conv2d(hidden, taps * self.groups, 1, device=device, dtype=dtype)

    def kernels(self, x: Tensor) -> Tensor:
        """x (B, C, H, W) -> a kernel for each group and output position (B, G, K^2, H_out, W_out)."""
        z = x if self.stride == 1 else F.avg_pool2d(x, self.stride, ceil_mode=True)
        made: Tensor = self.span(self.norm(self.reduce(z)).relu())
        return made.unflatten(1, (self.groups, -1))

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        return local_conv(
            x, self.kernels(x), self.kernel, stride=(self.stride,) * 2, padding=self.padding,
            dilation=self.dilation,
        )  # fmt: skip

    def cost(self, shape: Shape) -> Cost:
        window = convolution_problem(
            shape, (self.channels, 1, *self.kernel), stride=(self.stride,) * 2, padding=self.padding,
            dilation=self.dilation, groups=self.channels,
        )  # fmt: skip
        pooled, hidden = window.output_spatial, self.reduce.out_channels
        made = pointwise_cost((shape[0], self.channels, *pooled), hidden)
        made += pointwise_cost((shape[0], hidden, *pooled), self.span.out_channels)
        return made + problem_cost(LocalConvProblem(torch.float32, Slot.OUTPUT, self.groups, window))

    def extra_repr(self) -> str:
        return f"{self.channels}, kernel={self.kernel}, stride={self.stride}, groups={self.groups}"


def _mixer(channels: int, spatial: Shape) -> Involution2d:
    return Involution2d(channels, group_channels=16 if channels % 16 == 0 else 1)


CARD = Card(
    operators=(Involution2d,),
    reference=reference,
    papers=(
        Paper(
            "Li, Hu, Wang, Li, She, Zhu, Zhang and Chen",
            2021,
            "Involution: Inverting the Inherence of Convolution for Visual Recognition",
            "https://arxiv.org/abs/2103.06255",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case(
            (2, 4, 3, 4),
            lambda: Involution2d(4, 3, group_channels=2, reduction=2),
            {"kernel_size": 3},
        ),
        Case(
            (1, 4, 5, 4),
            lambda: Involution2d(4, 3, 2, group_channels=4),
            {"kernel_size": 3, "stride": 2},
        ),
        Case(
            (2, 2, 4, 4),
            lambda: Involution2d(2, 3, dilation=2, group_channels=1, reduction=1),
            {"kernel_size": 3, "dilation": 2},
        ),
        Case((1, 2, 3, 3), lambda: Involution2d(2, group_channels=2, reduction=1)),
    ),
    refuses=(
        BadInput((2, 32, 8, 8), lambda: Involution2d(16), says="C = 16"),
        BadInput((16, 8, 8), lambda: Involution2d(16), says="(B, C, H, W)"),
        BadInput((2, 24, 8, 8), lambda: Involution2d(24), says="group_channels to divide"),
        BadInput((2, 16, 8, 8), lambda: Involution2d(16, 4), says="odd kernel_size"),
    ),
    mixer=_mixer,
)
