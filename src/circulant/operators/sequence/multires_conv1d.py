r"""Multiresolution convolution: a tree of dilated causal filters, with the same two at every level.

    a_0 = x,   a_j[b, c, l] = sum_m low[c, m] a_{j-1}[b, c, l - 2^(j-1) m],   b_j likewise with high
    y = weight[:, 0] a_J + sum_j weight[:, J + 1 - j] b_j + weight[:, J + 1] x,   j = 1 .. J

Shapes: x (B, C, L) -> y (B, C, L); low and high (C, K), weight (C, J + 2). J = ceil(log2((length - 1) /
(K - 1) + 1)) levels let the coarsest see `length` samples. x is zero before its first sample. Everything
is linear: one causal kernel of (K - 1)(2^J - 1) + 1 taps, `impulse_response()`, does the same.

coefficients=n weights the n most recent coefficients of a coarse-to-fine walk through the tree in place of
one for each level: of b_j those K_j places where the outputs already weighted look for it, K_J = 1,
K_{j-1} = 2 (K_j - 1) + K, until n are spent; weight is then (C, n + 1). wavelet gives the low-pass taps of
an orthogonal wavelet, newest first, to start from; else taps are drawn. GELU, dropout and the map of the
channels that follow in the paper belong to the layer around the operator.
"""

from collections.abc import Sequence
from math import ceil, log2
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape
from circulant.operators.sequence.multires_joined import joined_cost, joined_tree
from circulant.operators.sequence.multires_tree import (
    Histories,
    histories_of,
    multires_tree,
    places_of,
    reach,
    tree_cost,
)


def reference(
    x: Tensor, state: dict[str, Tensor], levels: int = 1, coefficients: int | None = None
) -> Tensor:
    low, high, weight = state["low"], state["high"], state["weight"]
    L, K = x.shape[2], low.shape[1]

    def filtered(values: Tensor, taps: Tensor, dilation: int) -> Tensor:
        rows = []
        for l in range(L):
            total = torch.zeros_like(values[:, :, 0])
            for m in range(taps.shape[1]):
                if l - m * dilation >= 0:
                    total = total + taps[:, m] * values[:, :, l - m * dilation]
            rows.append(total)
        return torch.stack(rows, -1)

    details = []
    coarse = x
    for j in range(levels):
        details.append(filtered(coarse, high, 2**j))
        coarse = filtered(coarse, low, 2**j)
    y = weight[:, :1] * coarse + weight[:, -1:] * x
    used, places, wanted = 1, 1, levels + 1 if coefficients is None else coefficients
    for j in reversed(range(levels)):
        places = min(places, wanted - used)
        if places > 0:
            y = y + filtered(details[j], weight[:, used : used + places], 2 ** (j + 1))
        used += places
        places = 1 if coefficients is None else 2 * (places - 1) + K
    return y


@final
class MultiresConv1d(Operator):
    ndims = (1,)

    def __init__(
        self,
        channels: int,
        length: int,
        kernel_size: int = 2,
        *,
        coefficients: int | None = None,
        wavelet: Sequence[float] | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        taps = kernel_size if wavelet is None else len(wavelet)
        if min(channels, length) < 1 or taps < 2:
            raise ArgumentError(
                f"expected channels and length of 1 or more and 2 taps, got {channels}, {length}, {taps}"
            )
        if coefficients is not None and coefficients < 1:
            raise ArgumentError(f"expected 1 coefficient or more, got {coefficients}")
        self.channels, self.length, self.wavelet = channels, length, wavelet
        self.levels = ceil(log2((length - 1) / (taps - 1) + 1))
        self.places = places_of(self.levels, taps, coefficients)
        columns = sum(self.places) + 2
        self.low = nn.Parameter(torch.empty(channels, taps, device=device, dtype=dtype))
        self.high = nn.Parameter(torch.empty(channels, taps, device=device, dtype=dtype))
        self.weight = nn.Parameter(torch.empty(channels, columns, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        taps, columns = self.low.shape[1], self.weight.shape[1]
        with torch.no_grad():
            for filters in (self.low, self.high):
                filters.uniform_(-1, 1).mul_(taps**-0.5)
            if self.wavelet is not None:
                low = torch.tensor(self.wavelet, dtype=torch.float64).to(self.low)
                signs = torch.ones_like(low)
                signs[::2] = -1
                self.low.copy_(low.expand_as(self.low))
                self.high.copy_((signs * low.flip(0)).expand_as(self.high))
            self.weight.uniform_(-1, 1).mul_(columns**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        if self._is_joined:
            return joined_tree(x, self.low, self.high, self.weight)
        return self._through(x, None)[0]

    @property
    def _is_joined(self) -> bool:
        return self.levels > 0 and set(self.places) == {1}

    def _through(self, x: Tensor, histories: Histories | None) -> tuple[Tensor, Histories]:
        return multires_tree(x, self.low, self.high, self.weight, self.places, histories)

    def impulse_response(self) -> Tensor:
        """The one kernel that does the same -> (C, taps)."""
        impulse = torch.ones_like(self.low[None, :, :1])
        return self._through(F.pad(impulse, (0, reach(self.low.shape[1], self.places))), None)[0][0]

    def initial_state(
        self, batch: int, *, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> Histories:
        """What each filter remembers, zeros: (B, C, (K - 1) 2^j) at level j."""
        lengths = histories_of(self.low.shape[1], self.places)
        return tuple(
            torch.zeros(batch, self.channels, length, device=device, dtype=dtype) for length in lengths
        )

    def step(self, x: Tensor, state: Histories) -> tuple[Tensor, Histories]:
        """A chunk x (B, C, n) after state -> y (B, C, n), new state."""
        return self._through(x, state)

    def cost(self, shape: Shape) -> Cost:
        taps = self.low.shape[1]
        if self._is_joined:
            return joined_cost(shape, taps, self.levels)
        return tree_cost(shape, taps, self.places)

    def extra_repr(self) -> str:
        return f"{self.channels}, length={self.length}, kernel_size={self.low.shape[1]}, levels={self.levels}"


def _mixer(channels: int, spatial: Shape) -> MultiresConv1d:
    return MultiresConv1d(channels, spatial[0], 4)


CARD = Card(
    operators=(MultiresConv1d,),
    reference=reference,
    papers=(
        Paper(
            "Shi, Wang and Fox",
            2023,
            "Sequence Modeling with Multiresolution Convolutional Memory",
            "https://arxiv.org/abs/2305.01638",
        ),
    ),
    laws=frozenset({Law.LINEAR, Law.CAUSAL, Law.DEPTHWISE, Law.STREAMS}),
    cases=(
        Case((2, 3, 9), lambda: MultiresConv1d(3, 9), {"levels": 4}),
        Case((1, 2, 12), lambda: MultiresConv1d(2, 12, 3), {"levels": 3}),
        Case((2, 2, 7), lambda: MultiresConv1d(2, 7, 2, coefficients=6), {"levels": 3, "coefficients": 6}),
        Case((1, 3, 3), lambda: MultiresConv1d(3, 8, 4), {"levels": 2}),
    ),
    refuses=(
        BadInput((2, 4, 9), lambda: MultiresConv1d(3, 9), says="C = 3"),
        BadInput((3, 9), lambda: MultiresConv1d(3, 9), says="(B, C, L)"),
    ),
    mixer=_mixer,
)
