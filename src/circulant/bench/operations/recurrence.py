"""Linear recurrences h[l] = a[l] h[l-1] + x[l], with factors that vary or stay."""

import torch
from torch import Tensor

from circulant import functional as CF
from circulant.bench.case import Function
from circulant.bench.operation import (
    SCIPY,
    Operation,
    arrays,
    compiled,
    looped_or,
    normal,
    ours,
    peer,
    plain,
)
from circulant.bench.peers import scipy_signal, torch_recurrence
from circulant.core.sizes import Shape
from circulant.problems.recurrence import RecurrenceProblem, reference

LOOP = "loop over time"


def _varying_operands(shape: Shape) -> tuple[Tensor, ...]:
    """Factors of a gate that mostly keeps, between 0 and 1."""
    gate, x = normal(shape, shape)
    return torch.sigmoid(gate + 2), x


def _fixed_operands(shape: Shape) -> tuple[Tensor, ...]:
    gate, x = normal(shape[1:2], shape)
    return torch.sigmoid(gate + 2), x


def _problem(shape: Shape, is_varying: bool) -> RecurrenceProblem:
    batch, channels, length = shape
    return RecurrenceProblem(torch.float64, batch, channels, length, is_varying, False, False, False)


def _exact_varying(shape: Shape) -> Function:
    return looped_or(_problem(shape, True), reference, torch_recurrence.stepwise(shape))


def _exact_fixed(shape: Shape) -> Function:
    return looped_or(_problem(shape, False), reference, torch_recurrence.fixed_stepwise(shape))


def _engine(_shape: Shape) -> Function:
    return CF.linear_recurrence


RECURRENCE = Operation(
    ("batch", "channels", "length"),
    _varying_operands,
    _exact_varying,
    (
        ours(_engine),
        plain(LOOP, torch_recurrence.stepwise),
        peer("scan by doubling", torch_recurrence.doubling),
        compiled("scan by doubling", torch_recurrence.doubling),
        peer("loop in chunks", torch_recurrence.chunked),
    ),
)

FIXED_RECURRENCE = Operation(
    ("batch", "channels", "length"),
    _fixed_operands,
    _exact_fixed,
    (
        ours(_engine),
        plain(LOOP, torch_recurrence.fixed_stepwise),
        peer("torch.fft code", torch_recurrence.fixed_by_fft),
        arrays("scipy lfilter", scipy_signal.fixed_recurrence, SCIPY),
    ),
)
