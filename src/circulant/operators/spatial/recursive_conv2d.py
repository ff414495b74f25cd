r"""Recursive convolution: one small kernel halves the picture again and again, small kernels put it together.

    f_0 = x,   f_i = w *_2 f_(i-1)  with stride 2, for i = 1 .. n
    u_n = k_n * f_n,   u_i = k_i * (f_i + up(u_(i+1))),   y = u_0

All kernels are depthwise K x K, padded with zeros and without a bias; w is the same at every level. up is
bilinear interpolation to the size of the next finer level. Shapes: x (B, C, H, W) -> y (B, C, H, W); w, k_i
(C, 1, K, K).

n levels have C K^2 (n + 2) parameters, see at least K 2^n samples along each axis and cost at most 5/3 of one
K x K convolution. Without levels that one convolution is all there is. convs[0] is the coarsest, k_n.
"""

from math import sqrt
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.conv_settings import conv_settings
from circulant.operators.spatial.depthwise_conv import DepthwiseConv2d

MIXER_LEVELS = 2


def reference(x: Tensor, state: dict[str, Tensor], levels: int) -> Tensor:
    pictures = [x]
    for _ in range(levels):
        pictures.append(_correlate(pictures[-1], state["down"], 2))
    y = x.new_zeros(())
    for step, picture in enumerate(reversed(pictures)):
        if step > 0:
            y = _stretch(_stretch(y, 2, picture.shape[2]), 3, picture.shape[3])
        y = _correlate(picture + y, state[f"convs.{step}.weight"], 1)
    return y


def _correlate(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Each channel with its own kernel, centred at every stride-th sample; zeros around."""
    H, W = x.shape[2:]
    K = weight.shape[-1]
    rows = []
    for h in range(0, H, stride):
        for w in range(0, W, stride):
            total = torch.zeros_like(x[:, :, 0, 0])
            for i in range(K):
                for j in range(K):
                    u, v = h + i - K // 2, w + j - K // 2
                    if 0 <= u < H and 0 <= v < W:
                        total = total + weight[:, 0, i, j] * x[:, :, u, v]
            rows.append(total)
    return torch.stack(rows, -1).reshape(*x.shape[:2], -(-H // stride), -(-W // stride))


def _stretch(x: Tensor, axis: int, size: int) -> Tensor:
    """Linear interpolation between the middles of samples; the first and last go on outwards."""
    n = x.shape[axis]
    rows = []
    for m in range(size):
        place = min(max((m + 0.5) * n / size - 0.5, 0), n - 1)
        lower = int(place)
        upper = min(lower + 1, n - 1)
        rows.append((1 + lower - place) * x.select(axis, lower) + (place - lower) * x.select(axis, upper))
    return torch.stack(rows, axis)


@final
class RecursiveConv2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int,
        kernel_size: int = 5,
        levels: int = 2,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ArgumentError(f"expected an odd kernel_size of 1 or more, got {kernel_size}")
        if levels < 0:
            raise ArgumentError(f"expected levels of 0 or more, got {levels}")
        self.channels, self.levels = channels, levels
        self.halving = conv_settings(2, channels, channels, kernel_size, 2, kernel_size // 2, groups=channels)
        weight = torch.empty(self.halving.weight_shape, device=device, dtype=dtype)
        self.down = nn.Parameter(weight) if levels else None
        self.convs = nn.ModuleList(
            DepthwiseConv2d(channels, (kernel_size,) * 2, bias=False, device=device, dtype=dtype)
            for _ in range(levels + 1)
        )
        if self.down is not None:
            bound = 1 / sqrt(weight[0].numel())  # as torch.nn.Conv2d
            nn.init.uniform_(self.down, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        pictures = [x]
        if self.down is not None:
            for _ in range(self.levels):
                pictures.append(self.halving.convolve(pictures[-1], self.down, None))
        coarsest, *convs = self.convs
        y: Tensor = coarsest(pictures.pop())
        for conv in convs:
            picture = pictures.pop()
            y = conv(picture + F.interpolate(y, size=picture.shape[2:], mode="bilinear"))
        return y

    def cost(self, shape: Shape) -> Cost:
        finest = self.convs[-1]
        assert isinstance(finest, DepthwiseConv2d)
        total = finest.cost(shape)
        for _ in range(self.levels):
            halved = (*shape[:2], *(-(-n // 2) for n in shape[2:]))
            total += self.halving.cost(shape) + finest.cost(halved)
            shape = halved
        return total

    def extra_repr(self) -> str:
        return f"{self.channels}, kernel_size={self.halving.kernel[0]}, levels={self.levels}"


def _mixer(channels: int, spatial: Shape) -> RecursiveConv2d:
    return RecursiveConv2d(channels, levels=min(MIXER_LEVELS, min(spatial).bit_length() - 1))


CARD = Card(
    operators=(RecursiveConv2d,),
    reference=reference,
    papers=(
        Paper(
            "Zhao, Luo and Ouyang",
            2024,
            "RecConv: Efficient Recursive Convolutions for Multi-Frequency Representations",
            "https://arxiv.org/abs/2412.19628",
        ),
    ),
    laws=frozenset({Law.LINEAR, Law.DEPTHWISE}),
    cases=(
        Case((2, 3, 5, 4), lambda: RecursiveConv2d(3, 3), {"levels": 2}),
        Case((1, 2, 6, 3), lambda: RecursiveConv2d(2, 5, 1), {"levels": 1}),
        Case((2, 2, 4, 5), lambda: RecursiveConv2d(2, 3, 0), {"levels": 0}),
    ),
    refuses=(
        BadInput((2, 6, 4, 4), lambda: RecursiveConv2d(4), says="C = 4"),
        BadInput((2, 4, 4), lambda: RecursiveConv2d(4), says="(B, C, H, W)"),
        BadInput((2, 4, 4, 4), lambda: RecursiveConv2d(4, 4), says="odd kernel_size"),
        BadInput((2, 4, 4, 4), lambda: RecursiveConv2d(4, 5, -1), says="levels of 0 or more"),
    ),
    mixer=_mixer,
)
