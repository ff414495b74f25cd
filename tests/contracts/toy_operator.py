"""A gain and an offset for each channel: the smallest operator that can claim every law.

    y[b, c, l] = weight[c] x[b, c, l] + bias[c]

Shapes: x (B, C, L) -> y (B, C, L).
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape, product


def reference(x: Tensor, state: dict[str, Tensor]) -> Tensor:
    weight, bias = state["weight"][:, None], state["bias"][:, None]
    return weight * x + bias


@final
class ChannelGain1d(Operator):
    ndims = (1,)

    def __init__(
        self,
        channels: int,
        *,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels = channels
        self.weight = nn.Parameter(torch.ones(channels, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.zeros(channels, device=device, dtype=dtype))

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        return self.scale(x)

    def scale(self, x: Tensor) -> Tensor:
        """The equation, as a grouped convolution of one tap."""
        w, b = self.weight, self.bias
        y = F.conv1d(x.flatten(2), w[:, None, None], b, groups=self.channels).view(x.shape)
        return y

    def initial_state(
        self, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> Tensor:
        return torch.zeros(batch, self.channels, 1, device=device, dtype=dtype)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return self.scale(x), state

    def cost(self, shape: Shape) -> Cost:
        return Cost(flop=2.0 * product(shape), byte=8.0 * product(shape))

    def extra_repr(self) -> str:
        return str(self.channels)


def _mixer(channels: int, spatial: Shape) -> nn.Module:
    return ChannelGain1d(channels)


CARD = Card(
    operators=(ChannelGain1d,),
    reference=reference,
    papers=(Paper("Nobody", 2000, "Gains", "https://example.org/gains"),),
    laws=frozenset(
        {
            Law.LINEAR,
            Law.SHIFT_EQUIVARIANT,
            Law.PERMUTATION_EQUIVARIANT,
            Law.CAUSAL,
            Law.DEPTHWISE,
            Law.STREAMS,
        }
    ),
    cases=(Case((2, 3, 8), lambda: ChannelGain1d(3)),),
    refuses=(BadInput((3, 8), lambda: ChannelGain1d(3), says="(B, C, L)"),),
    mixer=_mixer,
)
