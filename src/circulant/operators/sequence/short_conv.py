r"""A few causal taps for each channel: linear recurrences put them before their state to see the recent past.

    y[b, c, l] = act(bias[c] + sum_{m < taps} weight[c, 0, taps - 1 - m] x[b, c, l - m])

Shapes: x (B, C, L) -> y (B, C, L); weight (C, 1, taps) in torch's layout. The state for streaming is the
last taps - 1 samples.
"""

from math import sqrt
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.cost import Cost
from circulant.core.sizes import Shape
from circulant.engine.convolution import convolution
from circulant.engine.costs import convolution_problem, problem_cost

TAPS = 4


@final
class ShortConv(nn.Module):
    """A causal depthwise convolution, followed by SiLU where silu=True."""

    def __init__(
        self,
        channels: int,
        taps: int = TAPS,
        *,
        silu: bool = False,
        bias: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels, self.taps, self.silu = channels, taps, silu
        self.weight = nn.Parameter(torch.empty(channels, 1, taps, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(channels, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """As torch.nn.Conv1d: uniform within 1 / sqrt(taps)."""
        bound = 1 / sqrt(self.taps)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        return self._filter(x, self.taps - 1)

    def initial_state(
        self, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> Tensor:
        """The taps - 1 zeros before the first sample -> (B, C, taps - 1)."""
        return torch.zeros(batch, self.channels, self.taps - 1, device=device, dtype=dtype)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """A chunk x (B, C, n) after the samples of state -> y (B, C, n), new state."""
        seen = torch.cat([state, x], dim=-1)
        return self._filter(seen, 0), seen[..., x.shape[-1] :]

    def _filter(self, x: Tensor, before: int) -> Tensor:
        y = convolution(
            x, self.weight, self.bias, stride=(1,), padding=((before, 0),), dilation=(1,),
            groups=self.channels,
        )  # fmt: skip
        return F.silu(y) if self.silu else y

    def cost(self, shape: Shape) -> Cost:
        problem = convolution_problem(
            shape, (self.channels, 1, self.taps), padding=((self.taps - 1, 0),), groups=self.channels
        )
        return problem_cost(problem)

    def extra_repr(self) -> str:
        return f"{self.channels}, taps={self.taps}, silu={self.silu}, bias={self.bias is not None}"
