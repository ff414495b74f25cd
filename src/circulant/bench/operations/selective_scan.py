"""Selective scan: a diagonal state space model whose parameters change with time."""

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant import functional as CF
from circulant.bench.case import Function
from circulant.bench.operation import Operation, normal, ours, peer, plain
from circulant.bench.peers import torch_selective_scan
from circulant.core.sizes import Shape


def _operands(shape: Shape) -> tuple[Tensor, ...]:
    """Steps of about an eighth, and factors that forget in a few steps to some dozens."""
    batch, channels, states, length = shape
    row, shared = (batch, channels, length), (batch, states, length)
    u, delta, A, B, C = normal(row, row, (channels, states), shared, shared)
    return u, F.softplus(delta - 2), -torch.exp(A), B, C


def _engine(_shape: Shape) -> Function:
    def planned(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Tensor:
        y, _ = CF.selective_scan(u, delta, A, B, C)
        return y

    return planned


SELECTIVE_SCAN = Operation(
    ("batch", "channels", "states", "length"),
    _operands,
    torch_selective_scan.stepwise,  # the problem's own reference has no derivatives
    (
        ours(_engine),
        plain("loop over time", torch_selective_scan.stepwise),
        peer("loop in chunks", torch_selective_scan.chunked),
    ),
)
