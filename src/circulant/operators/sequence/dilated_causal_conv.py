"""One step of trees and stacks of dilated causal filters, which can go on from what it has seen."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.core.cost import Cost
from circulant.core.sizes import Shape
from circulant.engine.convolution import convolution
from circulant.engine.costs import convolution_problem, problem_cost


def dilated_causal_conv(
    x: Tensor, taps: Tensor, dilation: int, history: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """n filters for each channel, taps (C, n, K) newest first: x (B, C, L) -> y (B, C, n, L), new history.

    history (B, C, (K - 1) dilation): the samples before x, or None for zeros.
    """
    before = (taps.shape[-1] - 1) * dilation
    past = F.pad(x, (before, 0)) if history is None else torch.cat([history, x], -1)
    kernel = taps.flip(-1).flatten(0, 1)[:, None]
    y = convolution(past, kernel, stride=(1,), padding=((0, 0),), dilation=(dilation,), groups=taps.shape[0])
    return y.unflatten(1, tuple(taps.shape[:2])), past[..., past.shape[-1] - before :]


def dilated_filter(x: Tensor, taps: Tensor, dilation: int) -> Tensor:
    """One filter for each channel, taps (C, K) oldest first, after zeros: x (B, C, L) -> (B, C, L)."""
    before = (taps.shape[-1] - 1) * dilation
    return convolution(
        x, taps[:, None], stride=(1,), padding=((before, 0),), dilation=(dilation,), groups=len(taps)
    )


def dilated_causal_cost(shape: Shape, filters: int, taps: int, dilation: int) -> Cost:
    B, C, L = shape
    padded, weight = (B, C, L + (taps - 1) * dilation), (filters * C, 1, taps)
    return problem_cost(convolution_problem(padded, weight, dilation=(dilation,), groups=C))
