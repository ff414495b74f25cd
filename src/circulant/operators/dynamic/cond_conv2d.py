r"""Conditionally parameterised convolution: each example is convolved with its own mixture of expert kernels.

    r[b] = sigmoid(R mean_p x[b, :, p] + s),   W[b] = sum_n r[b, n] weight[n],   y[b] = W[b] * x[b] + beta[b]

with beta[b] = sum_n r[b, n] bias[n]. Shapes: x (B, I, H, W) -> y (B, O, H_out, W_out); weight
(experts, O, I / groups, *kernel), bias (experts, O), R (experts, I).

Since a convolution is linear in its kernel, this equals the mixture of `experts` convolutions, for the
work of one. It runs as one convolution with B times the groups. The gates do not sum to 1. Layers of one
block can share a routing vector: call `route` once and hand its result to each; those that only ever get
theirs so are built with `routes=False`, without R and s.
"""

from math import sqrt
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import ZERO_COST, Cost, matmul_cost
from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.operator import Operator
from circulant.core.sizes import Shape, product
from circulant.engine.conv_settings import Sizes, conv_settings
from circulant.engine.per_sample_conv import per_sample_conv


def reference(
    x: Tensor,
    state: dict[str, Tensor],
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    circular: bool = False,
) -> Tensor:
    examples = []
    for one in x:
        score = state["routing.weight"] @ (one.flatten(1).sum(1) / one[0].numel()) + state["routing.bias"]
        outer, mixture = _surrounded(one, padding, circular), torch.zeros(())
        for n, kernel in enumerate(state["weight"]):
            y = _correlate(outer, kernel, stride, dilation)
            if "bias" in state:
                y = y + state["bias"][n, :, None, None]
            mixture = mixture + y / (1 + torch.exp(-score[n]))
        examples.append(mixture)
    return torch.stack(examples)


def _surrounded(one: Tensor, padding: int, circular: bool) -> Tensor:
    """One picture (C, H, W) with zeros around it, or with itself."""
    H, W = one.shape[1:]
    rows, columns = (torch.arange(-padding, n + padding) for n in (H, W))
    inside = ((rows >= 0) & (rows < H))[:, None] & (columns >= 0) & (columns < W)
    outer = one[:, rows % H][:, :, columns % W]
    return outer if circular else outer * inside


def _correlate(outer: Tensor, kernel: Tensor, stride: int, dilation: int) -> Tensor:
    O, I, *taps = kernel.shape
    out_h, out_w = ((n - dilation * (k - 1) - 1) // stride + 1 for n, k in zip(outer.shape[1:], taps))
    y = outer.new_zeros(O, out_h, out_w)
    for o in range(O):
        first = o // (O * I // len(outer)) * I  # there are len(outer) / I groups
        for h in range(out_h):
            for w in range(out_w):
                met = outer[first : first + I, h * stride :: dilation, w * stride :: dilation]
                y[o, h, w] = (kernel[o] * met[:, : taps[0], : taps[1]]).sum()
    return y


@final
class CondConv2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        experts: int = 8,
        routes: bool = True,
    ) -> None:
        """routes=False: without gates of its own, so that `forward` must be given some."""
        super().__init__()
        if experts < 1:
            raise ArgumentError(f"expected experts of 1 or more, got {experts}")
        self.settings = conv_settings(
            2, in_channels, out_channels, kernel_size, stride, padding, dilation, groups, padding_mode
        )
        shape = (experts, *self.settings.weight_shape)
        self.weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(shape[:2], device=device, dtype=dtype)) if bias else None
        self.routing = nn.Linear(in_channels, experts, device=device, dtype=dtype) if routes else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Every expert as a torch.nn.Conv2d of its own."""
        bound = 1 / sqrt(product(self.settings.weight_shape[1:]))
        nn.init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            nn.init.uniform_(self.bias, -bound, bound)
        if self.routing is not None:
            self.routing.reset_parameters()

    def route(self, x: Tensor) -> Tensor:
        """x (B, I, H, W) -> gates (B, experts), each between 0 and 1."""
        if self.routing is None:
            raise ArgumentError("expected routing (B, experts), got none; the layer has no gates of its own")
        return torch.sigmoid(self.routing(x.flatten(2).mean(2)))

    def forward(self, x: Tensor, routing: Tensor | None = None) -> Tensor:
        """routing (B, experts): gates from elsewhere, instead of those of x."""
        self.settings.require_input(x)
        batched = x if x.ndim == 4 else x[None]
        expected = (batched.shape[0], len(self.weight))
        if routing is not None and routing.shape != expected:
            raise ShapeError(f"expected routing (B, experts) = {expected}, got {tuple(routing.shape)}")
        gates, s = self.route(batched) if routing is None else routing, self.settings
        kernels = (gates @ self.weight.flatten(1)).view(-1, *s.weight_shape)
        y = per_sample_conv(
            batched, kernels, None if self.bias is None else gates @ self.bias, stride=s.stride,
            padding=s.padding, dilation=s.dilation, groups=s.groups, boundary=s.boundary,
        )  # fmt: skip
        return y if batched is x else y[0]

    def cost(self, shape: Shape) -> Cost:
        B, experts = shape[0], len(self.weight)
        mixed = product(self.settings.weight_shape) + (0 if self.bias is None else self.bias.shape[1])
        routed = ZERO_COST if self.routing is None else matmul_cost(B, self.settings.in_channels, experts)
        return self.settings.cost(shape) + matmul_cost(B, experts, mixed) + routed

    def extra_repr(self) -> str:
        return f"{self.settings}, experts={len(self.weight)}"


def _mixer(channels: int, spatial: Shape) -> CondConv2d:
    return CondConv2d(channels, channels, 7, padding="same", groups=channels)


CARD = Card(
    operators=(CondConv2d,),
    reference=reference,
    papers=(
        Paper(
            "Yang, Bender, Le and Ngiam",
            2019,
            "CondConv: Conditionally Parameterized Convolutions for Efficient Inference",
            "https://arxiv.org/abs/1904.04971",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((3, 2, 4, 5), lambda: CondConv2d(2, 3, 3, padding=1, experts=2), {"padding": 1}),
        Case(
            (2, 4, 5, 4),
            lambda: CondConv2d(4, 2, (3, 2), 2, 1, groups=2, bias=False, experts=3),
            {"stride": 2, "padding": 1},
        ),
        Case(
            (1, 2, 5, 4),
            lambda: CondConv2d(2, 2, 2, dilation=2, padding=1, padding_mode="circular", experts=1),
            {"dilation": 2, "padding": 1, "circular": True},
        ),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: CondConv2d(3, 3, 3), says="C = 3"),
        BadInput((3, 8), lambda: CondConv2d(3, 3, 3), says="(B, C, H, W) or (C, H, W)"),
        BadInput((2, 3, 8, 8), lambda: CondConv2d(3, 3, 3, experts=0), says="experts of 1 or more"),
        BadInput((2, 3, 8, 8), lambda: CondConv2d(3, 3, 3, padding_mode="mirror"), says="padding_mode among"),
    ),
    mixer=_mixer,
)
