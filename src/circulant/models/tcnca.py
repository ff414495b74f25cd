"""TCNCA: gated attention inside chunks, fed by a dilated convolution that sees across them.

Terzić et al., 2023, https://arxiv.org/abs/2312.05605: the layer of MEGA with a temporal convolution in place
of its moving average. Of the paper the abstract alone was at hand; the gates are MEGA's (Ma et al., 2022,
https://arxiv.org/abs/2209.10655), with softmax.
"""

from dataclasses import dataclass
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.models.channel_norm import ChannelLayerNorm
from circulant.operators.sequence.chunk_attention import chunk_attention
from circulant.operators.sequence.dilated_tcn1d import DilatedTCN1d, covering

INITIAL_SPREAD = 0.02  # of scale and bias
BASE = 4  # of the dilations
TAPS = 5


@final
@dataclass(frozen=True, slots=True)
class TCNCAState:
    """What a layer remembers between chunks of a stream."""

    convolution: Any
    mixed: Tensor  # (B, C, n), what the convolution gave since the last whole chunk of attention
    tokens: Tensor  # (B, C, n), the normed input there


@final
class TCNCA(nn.Module):
    """x + update * (candidate - x): one layer.  Shapes: x (B, C, L) -> y (B, C, L).

    m = tcn(norm(x));  q, k = scaled and shifted silu(W_z m);  v = silu(W_v norm(x));  o = attention(q, k, v)
    candidate = silu(W_h m + U_h (silu(W_r m) * o)),  update = sigmoid(W_u m)
    """

    def __init__(
        self,
        channels: int,
        chunk: int,
        length: int,
        *,
        key_channels: int | None = None,
        value_channels: int | None = None,
        kernel_size: int = TAPS,
        base: int = BASE,
    ) -> None:
        """The convolution has the layers that `length` samples need."""
        super().__init__()
        keys, values = key_channels or channels, value_channels or 2 * channels
        self.norm = ChannelLayerNorm(channels)
        self.tcn = DilatedTCN1d(channels, covering(length, kernel_size, base), kernel_size, base)
        self.sizes = [channels, keys, values, channels]
        self.gates = nn.Linear(channels, sum(self.sizes))
        self.value = nn.Linear(channels, values)
        self.output = nn.Linear(values, channels, bias=False)
        self.scale = nn.Parameter(1 + INITIAL_SPREAD * torch.randn(2, keys))
        self.shift = nn.Parameter(torch.zeros(2, keys))
        self.bias = nn.Parameter(INITIAL_SPREAD * torch.randn(2 * chunk - 1))

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.norm(x)
        return self._gated(x, self.tcn(tokens), tokens)

    def _gated(self, x: Tensor, mixed: Tensor, tokens: Tensor) -> Tensor:
        """For the last samples, those of x; mixed and tokens begin where a chunk does."""
        update, z, reset, candidate = self.gates(mixed.transpose(1, 2)).split(self.sizes, -1)
        q, k = (F.silu(z)[:, None] * self.scale[:, None] + self.shift[:, None]).unbind(1)
        attended = chunk_attention(q, k, F.silu(self.value(tokens.transpose(1, 2))), self.bias)
        candidate = F.silu(candidate + self.output(F.silu(reset) * attended)).transpose(1, 2)
        new = slice(mixed.shape[-1] - x.shape[-1], None)
        return x + update.sigmoid().transpose(1, 2)[..., new] * (candidate[..., new] - x)

    def initial_state(self, batch: int) -> TCNCAState:
        empty = self.scale.new_zeros(batch, self.tcn.channels, 0)
        convolution = self.tcn.initial_state(batch, device=empty.device, dtype=empty.dtype)
        return TCNCAState(convolution, empty, empty)

    def step(self, x: Tensor, state: TCNCAState) -> tuple[Tensor, TCNCAState]:
        """A chunk x (B, C, n) after state -> y (B, C, n), new state."""
        tokens = self.norm(x)
        mixed, convolution = self.tcn.step(tokens, state.convolution)
        mixed, tokens = torch.cat([state.mixed, mixed], -1), torch.cat([state.tokens, tokens], -1)
        chunk = (self.bias.shape[0] + 1) // 2
        complete = mixed.shape[-1] // chunk * chunk
        rest = TCNCAState(convolution, mixed[..., complete:], tokens[..., complete:])
        return self._gated(x, mixed, tokens), rest
