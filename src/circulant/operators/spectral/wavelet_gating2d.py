r"""Wavelet gating: the four Haar bands of a picture, each scaled by a gate made from the picture.

    g = sigmoid(W2 relu(W1 mean_p x[b, :, p] + b1) + b2),   y = idwt(g[b, band] * dwt(x)[b, c, band])

Shapes: x (B, C, H, W) -> y (B, C, H, W); W1 (C / reduction, C), W2 (4, C / reduction). The bands are low,
high along W, high along H and high along both; gates of 1 return x. Odd sizes are padded by one zero at the
end, and the result is cropped.

In a network, gated bands are kept apart on the way down and joined on the way up, in place of down- and
upsampling; `gated_bands` is that first half. The abstract says that wavelets are gated at every step, not
which layers make the gates.
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Paper
from circulant.core.cost import Cost, matmul_cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape, product
from circulant.engine.wavelet import dwt, idwt

BANDS = 4


def reference(x: Tensor, state: dict[str, Tensor]) -> Tensor:
    B, C, H, W = x.shape
    hidden = x.sum((2, 3)) / (H * W) @ state["reduce.weight"].T + state["reduce.bias"]
    logits = hidden.clamp(min=0) @ state["expand.weight"].T + state["expand.bias"]
    gate = 1 / (1 + torch.exp(-logits))
    padded = x.new_zeros(B, C, H + H % 2, W + W % 2)
    padded[:, :, :H, :W] = x
    signs = torch.tensor([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]).to(x) / 2
    y = torch.zeros_like(padded)
    for h in range(0, H, 2):
        for w in range(0, W, 2):
            cell = padded[:, :, h : h + 2, w : w + 2].reshape(B, C, 4)
            mixed = (cell @ signs.T * gate[:, None]) @ signs
            y[:, :, h : h + 2, w : w + 2] = mixed.reshape(B, C, 2, 2)
    return y[:, :, :H, :W]


@final
class WaveletGating2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int,
        reduction: int = 4,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if not 1 <= reduction <= channels:
            raise ArgumentError(f"expected reduction from 1 to channels = {channels}, got {reduction}")
        self.channels = channels
        hidden = channels // reduction
        self.reduce = nn.Linear(channels, hidden, device=device, dtype=dtype)
        self.expand = nn.Linear(hidden, BANDS, device=device, dtype=dtype)

    def gates(self, x: Tensor) -> Tensor:
        """(B, 4), from 0 to 1."""
        gate: Tensor = self.expand(self.reduce(x.mean((2, 3))).relu()).sigmoid()
        return gate

    def gated_bands(self, x: Tensor) -> Tensor:
        """x (B, C, H, W) -> (B, C, 4, H / 2, W / 2), rounded up."""
        require_input(x, self.channels, self.ndims)
        gate = self.gates(x)
        if x.shape[2] % 2 or x.shape[3] % 2:
            x = F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2))
        return dwt(x, 2) * gate[:, None, :, None, None].to(x.dtype)

    def forward(self, x: Tensor) -> Tensor:
        return idwt(self.gated_bands(x), 2)[:, :, : x.shape[2], : x.shape[3]]

    def cost(self, shape: Shape) -> Cost:
        B, C = shape[:2]
        hidden = self.reduce.out_features
        transforms = Cost(0.0, 16.0 * product(shape))
        return transforms + matmul_cost(B, C, hidden) + matmul_cost(B, hidden, BANDS)

    def extra_repr(self) -> str:
        return str(self.channels)


def _mixer(channels: int, spatial: Shape) -> WaveletGating2d:
    return WaveletGating2d(channels, min(4, channels))


CARD = Card(
    operators=(WaveletGating2d,),
    reference=reference,
    papers=(
        Paper(
            "Yang, Zhou, Feng and Wang",
            2022,
            "Diffusion Probabilistic Model Made Slim",
            "https://arxiv.org/abs/2211.17106",
        ),
    ),
    laws=frozenset(),
    cases=(
        Case((2, 4, 4, 6), lambda: WaveletGating2d(4, 2)),
        Case((1, 3, 3, 5), lambda: WaveletGating2d(3, 1)),
    ),
    refuses=(
        BadInput((2, 5, 4, 4), lambda: WaveletGating2d(4), says="C = 4"),
        BadInput((2, 4, 4), lambda: WaveletGating2d(4), says="(B, C, H, W)"),
        BadInput((2, 4, 4, 4), lambda: WaveletGating2d(4, 5), says="reduction from 1"),
    ),
    mixer=_mixer,
)
