r"""Long causal convolution with a free kernel, kept sparse and smooth by simple regularisers.

    y[b, c, l] = skip[c] x[b, c, l] + sum_{m <= l} k[c, m] x[b, c, l - m]
    k = squash(smooth(kernel)),  squash(v) = sign(v) max(|v| - squash, 0)

smooth is a moving average of `smooth_width` taps. In training, each tap is dropped with probability
`kernel_dropout`. Shapes: x (B, C, L) -> y (B, C, L); kernel (C, length), skip (C).

The squash level must stay below the scale of the initial kernel, or the kernel is zero and never
learns; the constructor refuses it. An input longer than `length` is allowed: older samples are forgotten.
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import long_conv_cost
from circulant.engine.long_conv import long_conv
from circulant.engine.long_conv_stream import LongConvStream
from circulant.engine.streaming import initial_history, long_conv_step

INITIAL_SCALE = 0.02  # spread of the geometric initial kernel at its first tap


def reference(x: Tensor, state: dict[str, Tensor], squash: float = 0.0, smooth_width: int = 1) -> Tensor:
    kernel, half = state["kernel"], smooth_width // 2
    taps = kernel.shape[1]
    k = torch.zeros_like(kernel)
    for m in range(taps):
        for n in range(max(m - half, 0), min(m + half + 1, taps)):
            k[:, m] += kernel[:, n] / smooth_width
    k = torch.where(k > squash, k - squash, torch.where(k < -squash, k + squash, torch.zeros_like(k)))
    y = state["skip"][:, None] * x
    for l in range(x.shape[2]):
        for m in range(min(l + 1, taps)):
            y[:, :, l] += k[:, m] * x[:, :, l - m]
    return y


@final
class LongConv1d(Operator):
    ndims = (1,)

    def __init__(
        self,
        channels: int,
        length: int,
        *,
        squash: float = 0.001,
        smooth_width: int = 1,
        kernel_dropout: float = 0.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if not 0 <= squash < INITIAL_SCALE:
            raise ArgumentError(f"expected squash from 0 to below {INITIAL_SCALE}, got {squash}")
        if smooth_width < 1 or smooth_width % 2 == 0:
            raise ArgumentError(f"expected an odd smooth_width of 1 or more, got {smooth_width}")
        if not 0 <= kernel_dropout < 1:
            raise ArgumentError(f"expected kernel_dropout from 0 to below 1, got {kernel_dropout}")
        self.channels, self.length = channels, length
        self.squash, self.smooth_width, self.kernel_dropout = squash, smooth_width, kernel_dropout
        self.kernel = nn.Parameter(torch.empty(channels, length, device=device, dtype=dtype))
        self.skip = nn.Parameter(torch.empty(channels, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Normal taps that decay over the kernel, faster in later channels: short and long memories."""
        position = torch.arange(self.length, device=self.kernel.device) / self.length
        order = torch.arange(self.channels, device=self.kernel.device) / self.channels
        decay = torch.pow(self.channels / 2, order)
        with torch.no_grad():
            nn.init.normal_(self.kernel, std=INITIAL_SCALE).mul_(torch.exp(-position * decay[:, None]))
            nn.init.normal_(self.skip)

    def impulse_response(self) -> Tensor:
        """The kernel as it is convolved -> (C, length)."""
        k: Tensor = self.kernel
        if self.smooth_width > 1:
            k = F.avg_pool1d(k[None], self.smooth_width, stride=1, padding=self.smooth_width // 2)[0]
        k = F.softshrink(k, self.squash)
        return F.dropout(k, self.kernel_dropout, self.training)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        return long_conv(x, self.impulse_response(), skip=self.skip)

    def initial_state(
        self, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> Tensor:
        return initial_history(batch, self.channels, self.length, device=device, dtype=dtype)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """A chunk x (B, C, n) after state -> y (B, C, n), new state."""
        y, history = long_conv_step(x, self.impulse_response(), state)
        return y + self.skip[:, None] * x, history

    def stream(self, batch: int) -> LongConvStream:
        """The operator as it is now, prepared for decoding without gradients."""
        return LongConvStream(self.impulse_response(), batch, skip=self.skip)

    def cost(self, shape: Shape) -> Cost:
        return long_conv_cost(shape, self.length)

    def extra_repr(self) -> str:
        return f"{self.channels}, length={self.length}, squash={self.squash}"


def _mixer(channels: int, spatial: Shape) -> LongConv1d:
    return LongConv1d(channels, spatial[0])


CARD = Card(
    operators=(LongConv1d,),
    reference=reference,
    papers=(
        Paper(
            "Fu, Epstein, Nguyen, Thomas, Zhang, Dao, Rudra and Ré",
            2023,
            "Simple Hardware-Efficient Long Convolutions for Sequence Modeling",
            "https://arxiv.org/abs/2302.06646",
        ),
    ),
    laws=frozenset({Law.LINEAR, Law.CAUSAL, Law.DEPTHWISE, Law.STREAMS}),
    cases=(
        Case((2, 3, 12), lambda: LongConv1d(3, 12, squash=0.0), {}),
        Case((1, 2, 9), lambda: LongConv1d(2, 5, squash=0.004), {"squash": 0.004}),
        Case((2, 1, 7), lambda: LongConv1d(1, 16, squash=0.0, smooth_width=3), {"smooth_width": 3}),
    ),
    refuses=(
        BadInput((2, 4, 12), lambda: LongConv1d(3, 12), says="C = 3"),
        BadInput((3, 12), lambda: LongConv1d(3, 12), says="(B, C, L)"),
    ),
    mixer=_mixer,
)
