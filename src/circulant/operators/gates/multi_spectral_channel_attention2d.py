r"""Multi-spectral channel attention: gates computed from one cosine coefficient of each channel.

    p[b, c] = sum_(h,w) x[b, c, h, w] D[u, h] D[v, w],   (u, v) = the frequency of the group of c
    s = sigmoid(W2 relu(W1 p)),   y[b, c, h, w] = s[b, c] x[b, c, h, w]

D[u, h] = sqrt((1 + (u > 0)) / H) cos(pi u (h + 1/2) / H) is the orthonormal DCT-II, so that (0, 0) is
squeeze-and-excitation of sqrt(H W) times the mean. The channels are split in order into equal groups, one for
each frequency. Shapes: x (B, C, H, W) -> y (B, C, H, W); W1 (C / reduction, C), W2 (C, C / reduction).

Frequencies count on a 7 x 7 grid; on a larger `size` they are multiplied by size // 7. A picture of another
size is averaged to `size` first. The cosine basis is a constant, kept out of the state dict.
"""

from collections.abc import Sequence
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost, matmul_cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape, per_axis

EXPORTS = ("dct_channel_pool",)

GRID = 7  # frequencies along each axis among which the published ones were chosen
TOP_FREQUENCIES = (  # the 16 that did best alone on ImageNet, best first; constants of the authors' code
    (0, 0), (0, 1), (6, 0), (0, 5), (0, 2), (1, 0), (1, 2), (4, 0),
    (5, 0), (1, 6), (3, 0), (0, 4), (0, 6), (0, 3), (3, 5), (2, 2),
)  # fmt: skip


def reference(
    x: Tensor,
    state: dict[str, Tensor],
    frequencies: Sequence[tuple[int, int]] = TOP_FREQUENCIES,
    size: tuple[int, int] = (GRID, GRID),
) -> Tensor:
    (H, W), C = size, x.shape[1]
    grid = x.new_zeros(*x.shape[:2], H, W)
    for h in range(H):
        for w in range(W):
            rows = slice(h * x.shape[2] // H, -(-(h + 1) * x.shape[2] // H))
            columns = slice(w * x.shape[3] // W, -(-(w + 1) * x.shape[3] // W))
            grid[:, :, h, w] = x[:, :, rows, columns].mean((2, 3))
    pooled = []
    for c in range(C):
        u, v = frequencies[c * len(frequencies) // C]
        u, v = u * (H // 7), v * (W // 7)
        rows = torch.cos(torch.pi * u * (torch.arange(H) + 0.5) / H) * ((1 + (u > 0)) / H) ** 0.5
        columns = torch.cos(torch.pi * v * (torch.arange(W) + 0.5) / W) * ((1 + (v > 0)) / W) ** 0.5
        pooled.append((grid[:, c] * rows[:, None] * columns).sum((1, 2)))
    hidden = (torch.stack(pooled, 1) @ state["reduce.weight"].T).clamp(min=0)
    return x / (1 + torch.exp(-(hidden @ state["expand.weight"].T)))[:, :, None, None]


def dct_basis(frequencies: Sequence[tuple[int, int]], size: Shape) -> Tensor:
    """Rows of the orthonormal two-dimensional DCT-II -> (frequencies, H, W), in float64."""

    def rows(frequency: Tensor, length: int) -> Tensor:
        position = torch.arange(length, dtype=torch.float64) + 0.5
        scale = ((1 + (frequency > 0).to(frequency.dtype)) / length).sqrt()
        return scale[:, None] * torch.cos(torch.pi / length * frequency[:, None] * position)

    u, v = torch.tensor(frequencies, dtype=torch.float64).T
    return rows(u, size[0])[:, :, None] * rows(v, size[1])[:, None, :]


def dct_channel_pool(x: Tensor, basis: Tensor) -> Tensor:
    """The coefficient of each channel of x (B, C, H, W) on the basis (G, H, W) of its group -> (B, C)."""
    groups = x.flatten(2).unflatten(1, (len(basis), -1))
    return (groups @ basis.flatten(1)[..., None]).flatten(1)


@final
class MultiSpectralChannelAttention2d(Operator):
    ndims = (2,)
    basis: Tensor

    def __init__(
        self,
        channels: int,
        size: int | tuple[int, int],
        reduction: int = 16,
        *,
        frequencies: Sequence[tuple[int, int]] = TOP_FREQUENCIES,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        H, W = per_axis(size, 2, "size")
        if min(H, W) < GRID:
            raise ArgumentError(f"expected size of {GRID} or more along each axis, got {size}")
        count = len(frequencies)
        if count == 0 or channels % count:
            raise ArgumentError(f"expected channels as a multiple of {count} frequencies, got {channels}")
        if any(not 0 <= number < GRID for frequency in frequencies for number in frequency):
            raise ArgumentError(f"expected frequencies from 0 to {GRID - 1}, got {tuple(frequencies)}")
        if not 1 <= reduction <= channels:
            raise ArgumentError(f"expected reduction from 1 to channels = {channels}, got {reduction}")
        self.channels, self.size = channels, (H, W)
        basis = dct_basis([(u * (H // GRID), v * (W // GRID)) for u, v in frequencies], self.size)
        basis = basis.to(device=device, dtype=dtype or torch.get_default_dtype())
        self.register_buffer("basis", basis, persistent=False)
        self.reduce = nn.Linear(channels, channels // reduction, False, device=device, dtype=dtype)
        self.expand = nn.Linear(channels // reduction, channels, False, device=device, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        grid = x if x.shape[2:] == self.size else F.adaptive_avg_pool2d(x, self.size)
        pooled = dct_channel_pool(grid, self.basis)
        return x * self.expand(self.reduce(pooled).relu()).sigmoid()[..., None, None]

    def cost(self, shape: Shape) -> Cost:
        B, hidden = shape[0], self.reduce.out_features
        pool = matmul_cost(self.channels, self.size[0] * self.size[1], 1) * B
        return pool + matmul_cost(B, shape[1], hidden) + matmul_cost(B, hidden, shape[1])

    def extra_repr(self) -> str:
        return f"{self.channels}, size={self.size}, frequencies={len(self.basis)}"


def _mixer(channels: int, spatial: Shape) -> Operator:
    count = next(count for count in (16, 8, 4, 2, 1) if channels % count == 0)
    size = (max(spatial[0], GRID), max(spatial[1], GRID))
    return MultiSpectralChannelAttention2d(channels, size, frequencies=TOP_FREQUENCIES[:count])


CARD = Card(
    operators=(MultiSpectralChannelAttention2d,),
    reference=reference,
    papers=(
        Paper(
            "Qin, Zhang, Wu and Li",
            2020,
            "FcaNet: Frequency Channel Attention Networks",
            "https://arxiv.org/abs/2012.11879",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case(
            (2, 2, 7, 7),
            lambda: MultiSpectralChannelAttention2d(2, 7, 1, frequencies=((0, 1), (3, 2))),
            {"frequencies": ((0, 1), (3, 2))},
        ),
        Case(
            (1, 2, 5, 9),
            lambda: MultiSpectralChannelAttention2d(2, (7, 15), 2, frequencies=((6, 6),)),
            {"frequencies": ((6, 6),), "size": (7, 15)},
        ),
        Case((1, 16, 3, 4), lambda: MultiSpectralChannelAttention2d(16, 7)),
    ),
    refuses=(
        BadInput((2, 8, 7, 7), lambda: MultiSpectralChannelAttention2d(16, 7), says="C = 16"),
        BadInput((2, 16, 7), lambda: MultiSpectralChannelAttention2d(16, 7), says="(B, C, H, W)"),
        BadInput((2, 8, 7, 7), lambda: MultiSpectralChannelAttention2d(8, 7), says="multiple of"),
        BadInput((2, 16, 6, 6), lambda: MultiSpectralChannelAttention2d(16, 6), says="7 or more"),
    ),
    mixer=_mixer,
)
