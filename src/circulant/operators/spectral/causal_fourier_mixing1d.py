r"""Causal Fourier mixing: each position reads one frequency of its prefix, with nothing to learn.

    y[b, c, l] = Re sum_{m <= l} x[b, c, m] exp(-2 pi i l m / length)

Shapes: x (B, C, L) -> y (B, C, L) with L up to `length`. The frequencies are sampled sparsely and uniformly:
position l takes frequency l of its prefix, one of `length`, where a full transform would take all of them.
As `length` is fixed in advance, a longer input does not change what shorter ones gave.

With 2 l m = l^2 + m^2 - (l - m)^2 the sum is a long causal convolution between two multiplications by a
chirp, exp(-pi i l^2 / length), and costs what a convolution costs; where `length` is short, one product with
a matrix of cosines costs less. By these, and by the direct algorithm, what comes later does not change a
bit; a transform spreads rounding errors over all positions. Of the paper the abstract alone was at hand:
which frequency a position takes is our reading of it, and channels are not mixed. Nothing is scaled, so that
y grows with the square root of the position.
"""

from typing import final

import torch
from torch import Tensor

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost, matmul_cost
from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import long_conv_cost
from circulant.engine.long_conv import long_conv

SHORT = 384  # up to this length one product with a matrix of cosines takes less than four convolutions
STRIDE = 16


def reference(x: Tensor, state: dict[str, Tensor], length: int = 1) -> Tensor:
    y = torch.zeros_like(x)
    for l in range(x.shape[2]):
        for m in range(l + 1):
            turn = torch.tensor(2 * torch.pi * (l * m % length) / length, dtype=torch.float64)
            y[:, :, l] += x[:, :, m] * torch.cos(turn).to(x)
    return y


@final
class CausalFourierMixing1d(Operator):
    """device and dtype are taken as by every operator; there is nothing to place."""

    ndims = (1,)

    def __init__(
        self,
        channels: int,
        length: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if min(channels, length) < 1:
            raise ArgumentError(f"expected channels and length of 1 or more, got {channels} and {length}")
        self.channels, self.length = channels, length

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        self._require_room(x.shape[-1], x.shape)
        return x @ self._waves(0, x).mT if self.length <= SHORT else self._by_chirps(x)

    def _by_chirps(self, x: Tensor) -> Tensor:
        L = x.shape[-1]
        chirp = self._turns(torch.arange(L, device=x.device).square() % (2 * self.length), 2)
        cos, sin = chirp.cos().to(x.dtype), chirp.sin().to(x.dtype)
        inward = torch.stack([cos, sin, cos, sin])
        kernel = torch.stack([cos, sin, sin, cos])
        # real part of the convolution: rows 0 and 1; imaginary part: row 2 less row 3
        rows = long_conv((x[:, :, None] * inward).flatten(0, 1), kernel).unflatten(0, x.shape[:2])
        real, imaginary = rows[:, :, 0] + rows[:, :, 1], rows[:, :, 2] - rows[:, :, 3]
        return cos * real + sin * imaginary

    def _turns(self, steps: Tensor, parts: int) -> Tensor:
        """Angles in radians of that many steps of a 1 / (parts length) turn, in float64."""
        return 2 * torch.pi / (parts * self.length) * steps.to(torch.float64)

    def initial_state(
        self, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> Tensor:
        """No samples yet: every output reads a frequency of its own, so that all of the past is kept."""
        return torch.zeros(batch, self.channels, 0, device=device, dtype=dtype)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """A chunk x (B, C, n) after the samples of state -> y (B, C, n), new state."""
        seen = torch.cat([state, x], dim=-1)
        total, before = seen.shape[-1], state.shape[-1]
        self._require_room(total, seen.shape)
        return seen @ self._waves(before, seen).mT, seen

    def _waves(self, before: int, x: Tensor) -> Tensor:
        """What positions from `before` on sum the samples of x with -> (n, L).

        A turn is the product of one by a multiple of STRIDE and a short one: fewer cosines to take.
        """
        L = x.shape[-1]
        n, time = L - before, torch.arange(L, device=x.device)
        dtype = torch.promote_types(x.dtype, torch.float32)
        starts = torch.arange(before, L, STRIDE, device=x.device)
        steps = torch.cat([starts, torch.arange(STRIDE, device=x.device)])[:, None] * time % self.length
        angles = self._turns(torch.arange(self.length, device=x.device), 1)
        cos, sin = angles.cos().to(dtype)[steps], angles.sin().to(dtype)[steps]
        far, near = (slice(None, -STRIDE), None), slice(-STRIDE, None)
        waves = torch.addcmul(cos[far] * cos[near], sin[far], sin[near], value=-1)
        return waves.flatten(0, 1)[:n].tril(before).to(x.dtype)

    def _require_room(self, length: int, shape: Shape) -> None:
        if length > self.length:
            raise ShapeError(
                f"expected x (B, C, L) with L of at most {self.length}, got {tuple(shape)}; "
                "build one for that length"
            )

    def cost(self, shape: Shape) -> Cost:
        B, C, L = shape
        return matmul_cost(B * C, L, L) if self.length <= SHORT else long_conv_cost((B * C, 4, L), L)

    def extra_repr(self) -> str:
        return f"{self.channels}, length={self.length}"


def _mixer(channels: int, spatial: Shape) -> CausalFourierMixing1d:
    return CausalFourierMixing1d(channels, spatial[0])


CARD = Card(
    operators=(CausalFourierMixing1d,),
    reference=reference,
    papers=(
        Paper(
            "Lou, Park, Ramezanali and Tang",
            2021,
            "FNetAR: Mixing Tokens with Autoregressive Fourier Transforms",
            "https://arxiv.org/abs/2107.10932",
        ),
    ),
    laws=frozenset({Law.LINEAR, Law.CAUSAL, Law.DEPTHWISE, Law.STREAMS}),
    cases=(
        Case((2, 3, 8), lambda: CausalFourierMixing1d(3, 8), {"length": 8}),
        Case((1, 2, 9), lambda: CausalFourierMixing1d(2, 401), {"length": 401}),
        Case((2, 1, 1), lambda: CausalFourierMixing1d(1, 1), {"length": 1}),
    ),
    refuses=(
        BadInput((2, 4, 8), lambda: CausalFourierMixing1d(3, 8), says="C = 3"),
        BadInput((2, 3, 9), lambda: CausalFourierMixing1d(3, 8), says="L of at most 8"),
        BadInput((3, 8), lambda: CausalFourierMixing1d(3, 8), says="(B, C, L)"),
    ),
    mixer=_mixer,
)
