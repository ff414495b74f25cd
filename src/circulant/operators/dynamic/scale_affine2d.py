r"""Scale affine layer: each number is scaled and moved by what the channels of its place say.

    y = x (1 + a) + b,   (a, b) = V_2 gelu(V_1 x + c_1) + c_2

Shapes: x (B, C, *spatial) -> y (B, C, *spatial); V_1 (C, C, 1, 1), V_2 (2 C, C, 1, 1), a first.

In a codec it follows a strided convolution with GDN, and precedes a transposed one. Positions do not meet.
"""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import pointwise_cost


def reference(x: Tensor, state: dict[str, Tensor]) -> Tensor:
    C = x.shape[1]
    hidden = torch.einsum("oi,bihw->bohw", state["tell.0.weight"][:, :, 0, 0], x)
    hidden = hidden + state["tell.0.bias"][:, None, None]
    hidden = 0.5 * hidden * (1 + torch.special.erf(hidden / 2**0.5))
    told = torch.einsum("oi,bihw->bohw", state["tell.2.weight"][:, :, 0, 0], hidden)
    told = told + state["tell.2.bias"][:, None, None]
    return x * (1 + told[:, :C]) + told[:, C:]


@final
class ScaleAffine2d(Operator):
    ndims = (2,)

    def __init__(
        self,
        channels: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels = channels
        self.tell = nn.Sequential(
            nn.Conv2d(channels, channels, 1, device=device, dtype=dtype),
            nn.GELU(),
            nn.Conv2d(channels, 2 * channels, 1, device=device, dtype=dtype),
        )

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        scale, move = self.tell(x).chunk(2, dim=1)
        return torch.addcmul(x + move, x, scale) if x.dtype == scale.dtype else x * (1 + scale) + move

    def cost(self, shape: Shape) -> Cost:
        return pointwise_cost(shape, self.channels) + pointwise_cost(shape, 2 * self.channels)


def _mixer(channels: int, spatial: Shape) -> ScaleAffine2d:
    return ScaleAffine2d(channels)


CARD = Card(
    operators=(ScaleAffine2d,),
    reference=reference,
    papers=(
        Paper(
            "Liu, Yang, Bai, Zhang, Guo and Ma",
            2024,
            "Region-Adaptive Transform with Segmentation Prior for Image Compression",
            "https://arxiv.org/abs/2403.00628",
        ),
    ),
    laws=frozenset({Law.SHIFT_EQUIVARIANT, Law.PERMUTATION_EQUIVARIANT}),
    cases=(
        Case((2, 3, 4, 2), lambda: ScaleAffine2d(3)),
        Case((1, 1, 1, 3), lambda: ScaleAffine2d(1)),
    ),
    refuses=(
        BadInput((2, 8, 6, 6), lambda: ScaleAffine2d(4), says="C = 4"),
        BadInput((4, 6, 6), lambda: ScaleAffine2d(4), says="(B, C, H, W)"),
    ),
    mixer=_mixer,
)
