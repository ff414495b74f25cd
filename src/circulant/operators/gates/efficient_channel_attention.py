r"""Efficient channel attention: each channel is scaled by a gate computed from the means of its neighbours.

    s[b, c] = sigmoid(sum_m k[m] mean_p x[b, c + m - (K - 1) / 2, p]),   y[b, c, p] = s[b, c] x[b, c, p]

Shapes: x (B, C, *spatial) -> y (B, C, *spatial); kernel (K), with zeros outside the channels.
One kernel serves all channels, so that there are K parameters whatever C is; `eca_kernel_size` gives the
published K for C channels. The order of the channels matters, which no normal layer before it promises.
"""

from math import log2
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.convolution import convolution
from circulant.engine.costs import convolution_problem, problem_cost

EXPORTS = ("eca_kernel_size",)


def reference(x: Tensor, state: dict[str, Tensor]) -> Tensor:
    kernel, C = state["kernel"], x.shape[1]
    half = len(kernel) // 2
    y = torch.zeros_like(x)
    for c in range(C):
        total = x.new_zeros(len(x))
        for m in range(max(c - half, 0), min(c + half + 1, C)):
            total = total + kernel[m - c + half] * x[:, m].flatten(1).sum(1) / x[0, 0].numel()
        gate = 1 / (1 + torch.exp(-total))
        y[:, c] = x[:, c] * gate.reshape(-1, *(1,) * (x.ndim - 2))
    return y


def eca_kernel_size(channels: int) -> int:
    """The nearest odd number not below the whole part of (log2 C + 1) / 2."""
    if channels < 1:
        raise ArgumentError(f"expected channels of 1 or more, got {channels}")
    size = int((log2(channels) + 1) / 2)
    return size if size % 2 else size + 1


@final
class EfficientChannelAttention(Operator):
    ndims = (1, 2, 3)

    def __init__(
        self,
        channels: int,
        kernel_size: int = 3,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ArgumentError(f"expected an odd kernel_size of 1 or more, got {kernel_size}")
        self.channels = channels
        self.kernel = nn.Parameter(torch.empty(kernel_size, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """As a convolution of one channel starts: uniform within 1 / sqrt(K)."""
        bound = len(self.kernel) ** -0.5
        nn.init.uniform_(self.kernel, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        mean = x.flatten(2).mean(2)
        half = len(self.kernel) // 2
        mixed = convolution(
            mean[:, None], self.kernel[None, None], stride=(1,), padding=((half, half),), dilation=(1,)
        )
        return x * mixed[:, 0].sigmoid().reshape(*mean.shape, *(1,) * (x.ndim - 2))

    def cost(self, shape: Shape) -> Cost:
        half = len(self.kernel) // 2
        means, weight = (shape[0], 1, shape[1]), (1, 1, len(self.kernel))
        return problem_cost(convolution_problem(means, weight, padding=((half, half),)))

    def extra_repr(self) -> str:
        return f"{self.channels}, kernel_size={len(self.kernel)}"


def _mixer(channels: int, spatial: Shape) -> Operator:
    return EfficientChannelAttention(channels, eca_kernel_size(channels))


CARD = Card(
    operators=(EfficientChannelAttention,),
    reference=reference,
    papers=(
        Paper(
            "Wang, Wu, Zhu, Li, Zuo and Hu",
            2019,
            "ECA-Net: Efficient Channel Attention for Deep Convolutional Neural Networks",
            "https://arxiv.org/abs/1910.03151",
        ),
    ),
    laws=frozenset({Law.PERMUTATION_EQUIVARIANT, Law.SHIFT_EQUIVARIANT}),
    cases=(
        Case((2, 6, 5), lambda: EfficientChannelAttention(6)),
        Case((2, 4, 3, 4), lambda: EfficientChannelAttention(4, 7)),
        Case((1, 5, 2, 3, 2), lambda: EfficientChannelAttention(5, 1)),
    ),
    refuses=(
        BadInput((2, 5, 4, 4), lambda: EfficientChannelAttention(4), says="C = 4"),
        BadInput((2, 4), lambda: EfficientChannelAttention(4), says="(B, C, L) or (B, C, H, W)"),
        BadInput((2, 4, 4), lambda: EfficientChannelAttention(4, 2), says="odd kernel_size"),
    ),
    mixer=_mixer,
)
