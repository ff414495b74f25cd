r"""WaveMix block: wavelet bands of several levels, mixed over channels from the coarsest to the finest.

    low_0 = W_r x + b_r,   low_l = LL of low_(l-1),   d_l = its four Haar bands (C channels at 1 / 2^l)
    u_l = bn(up(W2 gelu(W1 [d_l, u_(l+1)] + b1) + b2)),   y = u_1

up is a transposed convolution of 4 x 4 taps and stride 2; u_l has C / 2 channels, u_1 has C, and nothing is
appended at the coarsest level. Shapes: x (B, C, H, W) -> y (B, C, H, W); W_r (C / 4, C), W1 (expansion C,
C or 3 C / 2), W2 (hidden, expansion C). The residual x + block(x) belongs to the network around the block.

One level is WaveMix-Lite. The bands of a channel are neighbours, in another order than in the authors' code,
where the low bands of all channels come first; a pointwise map follows either way. Sizes that are no multiple
of 2^levels are padded with zeros at the end of the reduced map, and the result is cropped.
"""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape, product
from circulant.engine.costs import pointwise_cost
from circulant.operators.spectral.band_mixer import BandMixer, require_block, up_cost
from circulant.operators.spectral.haar_dwt import HaarDWT1d, HaarDWT2d, HaarDWT3d, haar_pyramid

EXPORTS = (HaarDWT1d, HaarDWT2d, HaarDWT3d)


def reference(x: Tensor, state: dict[str, Tensor], levels: int = 3, training: bool = False) -> Tensor:
    H, W = x.shape[2:]

    def pointwise(z: Tensor, name: str) -> Tensor:
        kernel, bias = state[f"{name}.weight"][..., 0, 0], state[f"{name}.bias"]
        return torch.einsum("oi,bihw->bohw", kernel, z) + bias[:, None, None]

    low = pointwise(x, "reduce")
    rows, columns = (-(-n // 2**levels) * 2**levels for n in (H, W))
    low = torch.cat([low, low.new_zeros(*low.shape[:2], rows - H, W)], 2)
    low = torch.cat([low, low.new_zeros(*low.shape[:3], columns - W)], 3)
    details = []
    for _ in range(levels):
        a, b, c, d = (low[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1))
        bands = torch.stack([a + b + c + d, a - b + c - d, a + b - c - d, a - b - c + d], 2) / 2
        low = bands[:, :, 0]
        details.append(bands.reshape(len(x), -1, *low.shape[2:]))
    y = x.new_zeros(len(x), 0, *details[-1].shape[2:])
    for level in reversed(range(levels)):
        name = f"mixers.{level}"
        hidden = pointwise(torch.cat([details[level], y], 1), f"{name}.expand")
        hidden = pointwise(hidden * (1 + torch.erf(hidden / 2**0.5)) / 2, f"{name}.project")
        h, w = hidden.shape[2:]
        kernel = state[f"{name}.up.weight"]
        spread = x.new_zeros(len(x), kernel.shape[1], 2 * h + 2, 2 * w + 2)
        for i in range(4):
            for j in range(4):
                tap = torch.einsum("io,bihw->bohw", kernel[:, :, i, j], hidden)
                spread[:, :, i : i + 2 * h : 2, j : j + 2 * w : 2] += tap
        y = spread[:, :, 1:-1, 1:-1] + state[f"{name}.up.bias"][:, None, None]
        mean, variance = state[f"{name}.norm.running_mean"], state[f"{name}.norm.running_var"]
        if training:
            mean, variance = y.mean((0, 2, 3)), y.var((0, 2, 3), correction=0)
        scale = state[f"{name}.norm.weight"] / (variance + 1e-5).sqrt()
        y = (y - mean[:, None, None]) * scale[:, None, None] + state[f"{name}.norm.bias"][:, None, None]
    return y[:, :, :H, :W]


@final
class WaveMixBlock2d(Operator):
    """hidden: channels before each transposed convolution, the authors' ff_channel; None for C."""

    ndims = (2,)

    def __init__(
        self,
        channels: int,
        levels: int = 3,
        *,
        expansion: int = 2,
        hidden: int | None = None,
        dropout: float = 0.5,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        require_block(channels, levels)
        self.channels, self.levels, self.expanded = channels, levels, expansion * channels
        self.hidden = channels if hidden is None else hidden
        self.reduce = nn.Conv2d(channels, channels // 4, 1, device=device, dtype=dtype)
        self.mixers = nn.ModuleList(
            BandMixer(ins, self.expanded, self.hidden, outs, dropout, device, dtype)
            for ins, outs in self._widths()
        )

    def _widths(self) -> list[tuple[int, int]]:
        """Channels in and out, from the finest level to the coarsest."""
        C, last = self.channels, self.levels - 1
        return [(C + (level < last) * (C // 2), C if level == 0 else C // 2) for level in range(self.levels)]

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        *finer, bands = haar_pyramid(self.reduce(x), self.levels)
        *mixers, coarsest = self.mixers
        y: Tensor = coarsest(bands)
        for bands, mixer in zip(reversed(finer), reversed(mixers)):
            y = mixer(torch.cat([bands, y], 1))
        return y[:, :, : x.shape[2], : x.shape[3]]

    def cost(self, shape: Shape) -> Cost:
        B, C, *spatial = shape
        total = pointwise_cost(shape, C // 4)
        for level, (ins, outs) in enumerate(self._widths(), 1):
            step = 2**self.levels
            grid = tuple(-(-n // step) * (step >> level) for n in spatial)
            bands = Cost(0.0, 8.0 * B * C * product(grid))
            total += bands + pointwise_cost((B, ins, *grid), self.expanded)
            total += pointwise_cost((B, self.expanded, *grid), self.hidden)
            total += up_cost((B, self.hidden, *grid), outs, 1)
        return total

    def extra_repr(self) -> str:
        return f"{self.channels}, levels={self.levels}, hidden={self.hidden}"


def _mixer(channels: int, spatial: Shape) -> WaveMixBlock2d:
    levels = max(1, min(3, min(spatial).bit_length() - 1))  # no level coarser than the grid
    return WaveMixBlock2d(channels, levels, dropout=0.0)


CARD = Card(
    operators=(WaveMixBlock2d,),
    reference=reference,
    papers=(
        Paper(
            "Jeevan, Viswanathan, Anandu A S and Sethi",
            2022,
            "WaveMix: A Resource-efficient Neural Network for Image Analysis",
            "https://arxiv.org/abs/2205.14375",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 4, 3, 4), lambda: WaveMixBlock2d(4, 2, expansion=1, hidden=2, dropout=0.0), {"levels": 2}),
        Case((1, 4, 3, 2), lambda: WaveMixBlock2d(4, 1, hidden=1), {"levels": 1}),
    ),
    refuses=(
        BadInput((2, 8, 4, 4), lambda: WaveMixBlock2d(4), says="C = 4"),
        BadInput((2, 4, 4), lambda: WaveMixBlock2d(4), says="(B, C, H, W)"),
        BadInput((2, 6, 4, 4), lambda: WaveMixBlock2d(6), says="multiple of 4"),
    ),
    mixer=_mixer,
)
