r"""Attentive convolution: a depthwise kernel made from the whole picture, whose taps inhibit each other.

    k[b, c] = S gelu(W_k mean_{p in bin m} x[b, :, p] + b_k)[c] + s
    k'[b, c, m] = k[b, c, m] - sigmoid(inhibition[c]) mean_m' k[b, c, m']
    y = W_o (k'[b] * (W_v x + b_v)) + b_o

Tap m of K^2 starts from the mean over bin m, the m-th of K^2 equal parts of the positions in row-major
order; S (K^2, K^2) mixes the taps of each channel. * is depthwise, a kernel for each example, zero padded.
Shapes: x (B, C, H, W) -> y (B, C, H, W); W_k, W_v, W_o (C, C); inhibition (C), 0 at first.

The paper maps every position by W_k and averages afterwards; the mean is linear, so that here K^2 means are
mapped instead. With sigmoid(inhibition) = 1 each kernel sums to 0: constant inputs vanish away from the edge.
Bins overlap where H W is no multiple of K^2, as those of torch's adaptive pooling.
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost, matmul_cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import convolution_problem, pointwise_cost, problem_cost
from circulant.engine.per_sample_conv import per_sample_conv


def reference(x: Tensor, state: dict[str, Tensor], kernel_size: int = 3) -> Tensor:
    B, C, H, W = x.shape
    K, L = kernel_size, H * W
    routed = torch.einsum("oi,bil->bol", state["route.weight"], x.flatten(2))
    routed = routed + state["route.bias"][:, None] if "route.bias" in state else routed
    bins = [(m * L // K**2, -(-(m + 1) * L // K**2)) for m in range(K**2)]
    means = torch.stack([routed[..., start:end].sum(2) / (end - start) for start, end in bins], 2)
    hidden = means * (1 + torch.erf(means / 2**0.5)) / 2
    kernel = hidden @ state["span.weight"].T + state.get("span.bias", 0)
    share = 1 / (1 + torch.exp(-state["inhibition"]))
    kernel = kernel - share[:, None] * kernel.sum(2, keepdim=True) / K**2
    outer = x.new_zeros(B, C, H + K - 1, W + K - 1)
    outer[:, :, K // 2 : K // 2 + H, K // 2 : K // 2 + W] = _mapped(x, state, "value")
    z = torch.zeros_like(x)
    for i in range(K):
        for j in range(K):
            z = z + kernel[..., i * K + j, None, None] * outer[:, :, i : i + H, j : j + W]
    return _mapped(z, state, "output")


def _mapped(x: Tensor, state: dict[str, Tensor], name: str) -> Tensor:
    y = torch.einsum("oi,bihw->bohw", state[f"{name}.weight"][..., 0, 0], x)
    return y + state[f"{name}.bias"][:, None, None] if f"{name}.bias" in state else y


@final
class AttentiveConv2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int,
        kernel_size: int = 3,
        *,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ArgumentError(f"expected an odd kernel_size of 1 or more, got {kernel_size}")
        self.channels, self.kernel, taps = channels, (kernel_size, kernel_size), kernel_size**2
        self.padding = ((kernel_size // 2,) * 2,) * 2
        self.route = nn.Linear(channels, channels, bias, device=device, dtype=dtype)
        self.span = nn.Linear(taps, taps, bias, device=device, dtype=dtype)
        self.value = nn.Conv2d(channels, channels, 1, bias=bias, device=device, dtype=dtype)
        self.output = nn.Conv2d(channels, channels, 1, bias=bias, device=device, dtype=dtype)
        self.inhibition = nn.Parameter(torch.zeros(channels, device=device, dtype=dtype))

    def kernels(self, x: Tensor) -> Tensor:
        """x (B, C, H, W) -> a kernel for each example and channel (B, C, 1, K, K)."""
        means = F.adaptive_avg_pool1d(x.flatten(2), self.span.in_features)
        made = self.span(F.gelu(self.route(means.mT)).mT)
        made = made - self.inhibition.sigmoid()[:, None] * made.mean(2, keepdim=True)
        return made.unflatten(2, (1, *self.kernel))

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        value, kernels = self.value(x), self.kernels(x)
        z = per_sample_conv(
            value, kernels.to(value.dtype), stride=(1, 1), padding=self.padding, dilation=(1, 1),
            groups=self.channels,
        )  # fmt: skip
        y: Tensor = self.output(z)
        return y

    def cost(self, shape: Shape) -> Cost:
        B, C, taps = *shape[:2], self.span.in_features
        window = convolution_problem(shape, (C, 1, *self.kernel), padding=self.padding, groups=C)
        made = matmul_cost(B * taps, C, C) + matmul_cost(B * C, taps, taps)
        return made + problem_cost(window) + pointwise_cost(shape, C) * 2

    def extra_repr(self) -> str:
        return f"{self.channels}, kernel={self.kernel}"


def _mixer(channels: int, spatial: Shape) -> AttentiveConv2d:
    return AttentiveConv2d(channels)


CARD = Card(
    operators=(AttentiveConv2d,),
    reference=reference,
    papers=(
        Paper(
            "Yu, Chen, Jiang, Peng, Sun, Kaski and Zhao",
            2025,
            "Attentive Convolution: Unifying the Expressivity of Self-Attention with Convolutional "
            "Efficiency",
            "https://arxiv.org/abs/2510.20092",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 3, 4, 5), lambda: AttentiveConv2d(3)),
        Case((1, 2, 3, 2), lambda: AttentiveConv2d(2, bias=False)),
        Case((3, 2, 6, 5), lambda: AttentiveConv2d(2, 5), {"kernel_size": 5}),
    ),
    refuses=(
        BadInput((2, 4, 8, 8), lambda: AttentiveConv2d(3), says="C = 3"),
        BadInput((3, 8, 8), lambda: AttentiveConv2d(3), says="(B, C, H, W)"),
        BadInput((2, 3, 8, 8), lambda: AttentiveConv2d(3, 4), says="odd kernel_size"),
    ),
    mixer=_mixer,
)
