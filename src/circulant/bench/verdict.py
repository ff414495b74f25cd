"""Whether a result is right: a wrong one is never timed."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from circulant.core.failure_text import failure_text as failure_text
from circulant.core.tolerances import RELATIVE, relative_error

# what code raises where it cannot run a case; anything else is a bug in the measuring
FAILURES = (
    RuntimeError,
    AssertionError,
    ValueError,
    TypeError,
    AttributeError,
    ImportError,
    MemoryError,
    OSError,
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """error is the largest relative L2 error among the results; fault is empty where all are right."""

    error: float
    fault: str


def judge(results: Sequence[Tensor], expected: Sequence[Tensor]) -> Verdict:
    """Result and gradients against float64, by the library's table of tolerances."""
    for index, (got, wanted) in enumerate(zip(results, expected, strict=True)):
        what = "the result" if index == 0 else f"the gradient of operand {index}"
        if got.shape != wanted.shape:
            return Verdict(float("nan"), f"{what} has shape {tuple(got.shape)}, not {tuple(wanted.shape)}")
        error, allowed = relative_error(got, wanted), RELATIVE[got.dtype]
        if not error <= allowed:  # also catches NaN
            return Verdict(error_l2(got, wanted), f"{what} is wrong by {error:.2g}, {allowed:g} is allowed")
    return Verdict(max(error_l2(got, wanted) for got, wanted in zip(results, expected)), "")


def error_l2(got: Tensor, expected: Tensor) -> float:
    """Relative to the norm of what is expected; the plain norm where that is zero."""
    wanted = expected.detach().double()
    norm = torch.linalg.vector_norm(wanted).item()
    distance = torch.linalg.vector_norm(got.detach().double() - wanted).item()
    return distance / norm if norm > 0 else distance
