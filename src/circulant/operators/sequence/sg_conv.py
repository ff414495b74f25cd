r"""Structured global convolution: a long kernel of few parameters, whose pieces double in length and fade.

    k = 1/Z [w_0, a w_1, a^2 Up_2(w_2), a^3 Up_4(w_3), ...],   a = 1/2
    y[b, c, l] = skip[c] x[b, c, l] + sum_{m >= 0} k[c, m] x[b, c, l - m]

Up_n(w_i) stretches the d parameters of piece i to n d taps; Z[c], the norm of the kernel when it is first
made, is kept. Shapes: x (B, C, L) -> y (B, C, L); pieces (1, C, S, d) with S = 1 + ceil(log2(length / d)),
which make a kernel of d 2^(S-1) taps, at least `length`.

bidirectional=True adds a kernel of its own for the samples ahead, pieces (2, C, S, d):
y gains sum_{m >= 0} k_1[c, m] x[b, c, l + 1 + m], and the operator cannot stream any more.
Z is taken at construction, where the authors' code takes it at the first call. Activation, dropout and
the pointwise map that follow in the paper belong to the network around the operator.
"""

from math import ceil, log2
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.engine.costs import long_conv_cost, problem_cost
from circulant.engine.long_conv import LongBoundary, long_conv
from circulant.engine.streaming import initial_history, long_conv_step
from circulant.operators.sequence.sgconv_kernel import Upsampling, sgconv_kernel
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.trilinear import Slot

EXPORTS = (Upsampling, sgconv_kernel)


def reference(x: Tensor, state: dict[str, Tensor], nearest: bool = False) -> Tensor:
    directions, _, S, d = state["pieces"].shape
    y = state["skip"][:, None] * x
    for direction in range(directions):
        taps = []
        for i in range(S):
            factor = 2 ** max(i - 1, 0)
            for j in range(factor * d):
                at = j // factor if nearest else min(max((j + 0.5) / factor - 0.5, 0), d - 1)
                low, share = int(at), at - int(at)
                piece = state["pieces"][direction, :, i]
                between = (1 - share) * piece[:, low] + share * piece[:, min(low + 1, d - 1)]
                taps.append(between / 2**i / state["norm"][direction])
        for l in range(x.shape[2]):
            for m, tap in enumerate(taps):
                source = l - m if direction == 0 else l + 1 + m
                if 0 <= source < x.shape[2]:
                    y[:, :, l] += tap * x[:, :, source]
    return y


@final
class SGConv(Operator):
    ndims = (1,)

    def __init__(
        self,
        channels: int,
        length: int,
        piece_length: int = 64,
        *,
        bidirectional: bool = False,
        upsampling: Upsampling = Upsampling.LINEAR,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if min(channels, length, piece_length) < 1:
            sizes = f"{channels}, {length} and {piece_length}"
            raise ArgumentError(f"expected channels, length and piece_length of 1 or more, got {sizes}")
        self.channels, self.length, self.upsampling = channels, length, upsampling
        self.bidirectional = bidirectional
        directions = 2 if bidirectional else 1
        scales = 1 + ceil(log2(max(length / piece_length, 1)))
        self.pieces = nn.Parameter(
            torch.empty(directions, channels, scales, piece_length, device=device, dtype=dtype)
        )
        self.skip = nn.Parameter(torch.empty(channels, device=device, dtype=dtype))
        self.norm: Tensor
        self.register_buffer("norm", torch.empty(directions, channels, device=device, dtype=dtype))
        self.reset_parameters()

    @property
    def taps(self) -> int:
        """Of the kernel in one direction."""
        _, _, scales, piece_length = self.pieces.shape
        return piece_length * 2 ** (scales - 1)

    def reset_parameters(self) -> None:
        """Standard normal pieces; from then on the kernel is divided by the norm that it has now."""
        nn.init.normal_(self.pieces)
        nn.init.normal_(self.skip)
        with torch.no_grad():
            self.norm.copy_(self._stretched().norm(dim=-1))

    def _stretched(self) -> Tensor:
        kernels = sgconv_kernel(self.pieces.flatten(0, 1), self.upsampling)
        return kernels.unflatten(0, self.norm.shape)

    def impulse_response(self) -> Tensor:
        """The kernel as it is convolved: (C, taps), or (C, 2 taps + 1) with lag 0 in the middle."""
        kernels = self._stretched() / self.norm[..., None]
        if not self.bidirectional:
            return kernels[0]
        behind, ahead = kernels
        return torch.cat([ahead.flip(-1), behind, torch.zeros_like(behind[:, :1])], dim=-1)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        boundary = LongBoundary.SAME if self.bidirectional else LongBoundary.CAUSAL
        return long_conv(x, self.impulse_response(), skip=self.skip, boundary=boundary)

    def initial_state(
        self, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> Tensor:
        if self.bidirectional:
            raise ArgumentError("expected a causal SGConv to stream, got bidirectional=True; leave it out")
        return initial_history(batch, self.channels, self.taps, device=device, dtype=dtype)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """A chunk x (B, C, n) after state -> y (B, C, n), new state."""
        y, history = long_conv_step(x, self.impulse_response(), state)
        return y + self.skip[:, None] * x, history

    def cost(self, shape: Shape) -> Cost:
        if not self.bidirectional:
            return long_conv_cost(shape, self.taps)
        B, C, L = shape
        ahead, behind = min(self.taps, L - 1), min(self.taps + 1, L)
        return problem_cost(
            LongConvProblem(torch.float32, Slot.OUTPUT, B, C, L, ahead + behind, ahead, circular=False)
        )

    def extra_repr(self) -> str:
        piece_length = self.pieces.shape[-1]
        return (
            f"{self.channels}, length={self.length}, piece_length={piece_length}, "
            f"bidirectional={self.bidirectional}"
        )


def _mixer(channels: int, spatial: Shape) -> SGConv:
    length = spatial[0]
    return SGConv(channels, length, min(64, ceil(length / 4)))  # at least three pieces, of at most 64 taps


CARD = Card(
    operators=(SGConv,),
    reference=reference,
    papers=(
        Paper(
            "Li, Cai, Zhang, Chen and Dey",
            2022,
            "What Makes Convolutional Models Great on Long Sequence Modeling?",
            "https://arxiv.org/abs/2210.09298",
        ),
    ),
    laws=frozenset({Law.LINEAR, Law.CAUSAL, Law.DEPTHWISE, Law.STREAMS}),
    cases=(
        Case((2, 3, 12), lambda: SGConv(3, 12, 2)),
        Case((1, 2, 9), lambda: SGConv(2, 16, 3, upsampling=Upsampling.NEAREST), {"nearest": True}),
        Case((2, 1, 7), lambda: SGConv(1, 4, 4)),
        Case((1, 2, 5), lambda: SGConv(2, 40, 5)),
    ),
    refuses=(
        BadInput((2, 4, 12), lambda: SGConv(3, 12, 4), says="C = 3"),
        BadInput((3, 12), lambda: SGConv(3, 12, 4), says="(B, C, L)"),
    ),
    mixer=_mixer,
)
