r"""Positions by fading causal filters along each axis of a grid, for mixers that know no order.

    y[b, c, p] = sum_a gain[a, h] sum_{m >= 0} lambda[a, h]^m x[b, c, p - m e_a],   lambda = sigmoid(decay)

Shapes: x (B, C, *spatial) -> y (B, C, *spatial); gain and decay (axes, heads). a runs over the axes, e_a is
one step along it, and h is the head that channel c belongs to. Each axis is multiplied by a Toeplitz
matrix of powers of lambda, computed as a recurrence in time linear in the number of positions.

It stands once before the first layer and changes what follows from a set into a grid. The text of the
paper was not at hand: the sum over axes and one exponential for each head are those of the first author's
later code, where a product of two learnt vectors stands for the gain, and a norm and a linear map follow.
"""

from typing import final

import torch
from torch import Tensor, nn

from circulant.core.card import BadInput, Card, Case, Law, Paper
from circulant.core.cost import ZERO_COST, Cost
from circulant.core.operator import Operator, require_input
from circulant.core.sizes import Shape, product
from circulant.engine.costs import problem_cost
from circulant.engine.recurrence import linear_recurrence
from circulant.operators.sequence.heads import heads_for, require_heads, wide
from circulant.problems.recurrence import RecurrenceProblem


def reference(x: Tensor, state: dict[str, Tensor], heads: int = 1) -> Tensor:
    width = x.shape[1] // heads
    y = torch.zeros_like(x)
    for axis in range(x.ndim - 2):
        gain = state["gain"][axis].repeat_interleave(width).reshape(-1, *(1,) * (x.ndim - 3))
        fade = 1 / (1 + torch.exp(-state["decay"][axis]))
        fade = fade.repeat_interleave(width).reshape(-1, *(1,) * (x.ndim - 3))
        slices = []
        for l in range(x.shape[axis + 2]):
            terms = [fade ** (l - m) * x.select(axis + 2, m) for m in range(l + 1)]
            slices.append(gain * sum(terms))
        y = y + torch.stack(slices, axis + 2)
    return y


class _MultiDimToeplitzPe(Operator):
    """Abstract over the number of spatial axes."""

    def __init__(
        self,
        channels: int,
        heads: int = 4,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        require_heads(channels, heads)
        self.channels, self.heads = channels, heads
        axes = self.ndims[0]
        self.gain = nn.Parameter(torch.empty(axes, heads, device=device, dtype=dtype))
        self.decay = nn.Parameter(torch.empty(axes, heads, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Both standard normal: lambda lies between about 0.1 and 0.9."""
        nn.init.normal_(self.gain)
        nn.init.normal_(self.decay)

    def forward(self, x: Tensor) -> Tensor:
        require_input(x, self.channels, self.ndims)
        values, gains = wide(x), self._per_channel(wide(self.gain))
        fades = self._per_channel(torch.sigmoid(wide(self.decay)))
        last = self.ndims[0] - 1
        # the last axis needs no copy; its part comes first, so that the sum lies as x does
        total = _laid(gains[last], x.ndim) * self._along(values, fades[last], last)
        for axis in range(last):
            total = torch.addcmul(total, _laid(gains[axis], x.ndim), self._along(values, fades[axis], axis))
        return total.to(x.dtype)

    def _per_channel(self, per_head: Tensor) -> Tensor:
        """(axes, heads) -> (axes, C)."""
        return per_head.repeat_interleave(self.channels // self.heads, 1)

    def _along(self, x: Tensor, fade: Tensor, axis: int) -> Tensor:
        lines = x.movedim(axis + 2, -1).movedim(1, -2)  # (B, *others, C, L)
        filtered = linear_recurrence(fade, lines.flatten(0, -3))
        return filtered.reshape(lines.shape).movedim(-2, 1).movedim(-1, axis + 2)

    def cost(self, shape: Shape) -> Cost:
        B, C, *spatial = shape
        total = ZERO_COST
        for length in spatial:
            rows = B * product(spatial) // length
            problem = RecurrenceProblem(torch.float32, rows, C, length, False, False, False, False)
            total += problem_cost(problem)
        return total

    def extra_repr(self) -> str:
        return f"{self.channels}, heads={self.heads}"


def _laid(per_channel: Tensor, ndim: int) -> Tensor:
    return per_channel.view(-1, *(1,) * (ndim - 2))


@final
class MultiDimToeplitzPe1d(_MultiDimToeplitzPe):
    ndims = (1,)


@final
class MultiDimToeplitzPe2d(_MultiDimToeplitzPe):
    ndims = (2,)


@final
class MultiDimToeplitzPe3d(_MultiDimToeplitzPe):
    ndims = (3,)


BY_NDIM: dict[int, type[_MultiDimToeplitzPe]] = {
    1: MultiDimToeplitzPe1d,
    2: MultiDimToeplitzPe2d,
    3: MultiDimToeplitzPe3d,
}


def _mixer(channels: int, spatial: Shape) -> Operator:
    return BY_NDIM[len(spatial)](channels, heads_for(channels))


CARD = Card(
    operators=tuple(BY_NDIM.values()),
    reference=reference,
    papers=(
        Paper(
            "Qin, Mao, Shen, Li, Zhang, Dai and Zhong",
            2024,
            "You Only Scan Once: Efficient Multi-dimension Sequential Modeling with LightNet",
            "https://arxiv.org/abs/2405.21022",
        ),
    ),
    laws=frozenset({Law.LINEAR, Law.DEPTHWISE}),
    cases=(
        Case((2, 4, 6), lambda: MultiDimToeplitzPe1d(4, 2), {"heads": 2}),
        Case((1, 3, 4, 5), lambda: MultiDimToeplitzPe2d(3, 3), {"heads": 3}),
        Case((2, 2, 3, 1, 2), lambda: MultiDimToeplitzPe3d(2, 1), {"heads": 1}),
    ),
    refuses=(
        BadInput((2, 5, 6), lambda: MultiDimToeplitzPe1d(4, 2), says="C = 4"),
        BadInput((2, 4, 6), lambda: MultiDimToeplitzPe2d(4, 2), says="(B, C, H, W)"),
        BadInput((2, 4, 6), lambda: MultiDimToeplitzPe1d(4, 3), says="divisor of channels = 4"),
    ),
    mixer=_mixer,
)
