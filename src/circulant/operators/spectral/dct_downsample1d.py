r"""Downsampling by cosine transform: the low frequencies of a sequence, read out at fewer positions.

    y = idct_k(dct(x)[..., :k]),   k = ceil(ratio L)

Shapes: x (B, C, L) -> y (B, C, ceil(ratio L)). Both transforms are orthonormal, of L and of k samples, and
nothing is rescaled: a cosine below the cut comes back with its amplitude times sqrt(L / k), an energy kept
whole is kept in fewer samples. There is nothing to learn, so that weights trained without it still fit.
keep_first=True sets the first position aside and puts it back, as for a class token; k counts that position
too, as in the authors' code.
"""

from math import ceil
from typing import final

import torch
from torch import Tensor

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.cosine_transform import dct, idct
from circulant.engine.costs import transform_cost
from circulant.problems.transform import TransformKind


def reference(x: Tensor, state: dict[str, Tensor], ratio: float = 1.0, keep_first: bool = False) -> Tensor:
    total = x.shape[2]
    first, rest = (x[:, :, :1], x[:, :, 1:]) if keep_first else (x[:, :, :0], x)
    L = rest.shape[2]
    k = min(-int(-ratio * total // 1), L)
    y = torch.zeros(*x.shape[:2], k, dtype=x.dtype)
    for f in range(k):
        norm = (1 if f == 0 else 2) / (L * k) ** 0.5
        wave = torch.cos(torch.pi * f * (torch.arange(L, dtype=torch.float64) + 0.5) / L).to(x)
        short = torch.cos(torch.pi * f * (torch.arange(k, dtype=torch.float64) + 0.5) / k).to(x)
        y = y + norm * (rest @ wave)[..., None] * short
    return torch.cat([first, y], -1)


@final
class DCTDownsample1d(Operator):
    """device and dtype are taken as by every operator; there is nothing to place."""

    ndims = (1,)

    def __init__(
        self,
        channels: int,
        ratio: float,
        *,
        keep_first: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if not 0 < ratio <= 1:
            raise ArgumentError(f"expected a ratio above 0, up to 1, got {ratio}")
        self.channels, self.ratio, self.keep_first = channels, ratio, keep_first

    def kept(self, length: int) -> int:
        """Coefficients that remain of that many positions, the one set aside included in the positions."""
        return min(ceil(self.ratio * length), length - self.keep_first)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        kept = self.kept(x.shape[-1])
        if not self.keep_first:
            return idct(dct(x)[..., :kept])
        if kept == 0:
            return x
        return torch.cat([x[..., :1], idct(dct(x[..., 1:])[..., :kept])], dim=-1)

    def cost(self, shape: Shape) -> Cost:
        B, C, L = shape
        forth, back = TransformKind.COSINE, TransformKind.COSINE_ADJOINT
        if L == 1 and self.keep_first:
            return Cost(0.0, 8.0 * B * C)
        return transform_cost(forth, B * C, L - self.keep_first) + transform_cost(back, B * C, self.kept(L))

    def extra_repr(self) -> str:
        return f"{self.channels}, ratio={self.ratio}, keep_first={self.keep_first}"


def _mixer(channels: int, spatial: Shape) -> DCTDownsample1d:
    return DCTDownsample1d(channels, 1.0)  # compare wants every position back


CARD = Card(
    operators=(DCTDownsample1d,),
    reference=reference,
    papers=(
        Paper(
            "He, Yang, Feng, Yin, Wang, Leng and Lin",
            2023,
            "Fourier Transformer: Fast Long Range Modeling by Removing Sequence Redundancy with FFT Operator",
            "https://arxiv.org/abs/2305.15099",
        ),
    ),
    laws=frozenset({Law.LINEAR, Law.DEPTHWISE}),
    cases=(
        Case((2, 3, 9), lambda: DCTDownsample1d(3, 0.4), {"ratio": 0.4}),
        Case(
            (1, 2, 8),
            lambda: DCTDownsample1d(2, 0.5, keep_first=True),
            {"ratio": 0.5, "keep_first": True},
        ),
        Case((2, 2, 5), lambda: DCTDownsample1d(2, 1.0), {"ratio": 1.0}),
    ),
    refuses=(
        BadInput((2, 4, 9), lambda: DCTDownsample1d(3, 0.5), says="C = 3"),
        BadInput((3, 9), lambda: DCTDownsample1d(3, 0.5), says="(B, C, L)"),
    ),
    mixer=_mixer,
)
