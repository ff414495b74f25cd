"""Floating-point formats: kept, close to float64, and left to autocast where it is on."""

from copy import deepcopy

import torch
from torch import Tensor

from circulant.core.card import Card, Case
from circulant.core.operator import Operator
from circulant.core.tolerances import RELATIVE, assert_close
from circulant.testing.specimen import Specimen, draw, gradients, parameters_of, specimen


def check_keeps_dtype(card: Card, case: Case) -> None:
    """y has the dtype and the device of x."""
    for dtype in RELATIVE:
        subject = specimen(case, dtype=dtype)
        y = _run(subject)
        if y is not None and (y.dtype, y.device) != (dtype, subject.x.device):
            raise AssertionError(f"expected y of {dtype} on {subject.x.device}, got {y.dtype} on {y.device}")


def check_close_in_every_dtype(card: Card, case: Case) -> None:
    """To float64 on the same rounded input and parameters, within the table; and finite."""
    for dtype in RELATIVE:
        subject = specimen(case, dtype=dtype)
        y = _run(subject)
        if y is None:
            continue
        if not bool(y.isfinite().all()):
            raise AssertionError(f"output in {dtype} is not finite")
        exact = deepcopy(subject.module).double()(subject.x.double())
        assert_close(y, exact, RELATIVE[dtype], what=f"output in {dtype} against float64")


def _run(subject: Specimen) -> Tensor | None:
    """None where torch itself has no float16 kernel for the CPU."""
    try:
        y: Tensor = subject.module(subject.x)
    except RuntimeError as error:
        if "not implemented for 'Half'" in str(error):
            return None
        raise AssertionError(f"does not run in {subject.x.dtype}: {error}") from error
    return y


def check_autocast(card: Card, case: Case) -> None:
    """Under autocast to bfloat16: runs, is close to float32, and float32 parameters get float32 gradients."""
    subject = specimen(case, dtype=torch.float32)
    x = subject.x.requires_grad_()
    named = {"x": x, **parameters_of(subject.module)}
    expected = subject.module(x)
    y = _autocast(subject.module, x)
    if not y.is_floating_point():
        raise AssertionError(f"expected a floating-point output under autocast, got {y.dtype}")
    assert_close(y, expected, RELATIVE[torch.bfloat16], what="output under autocast against float32")
    cotangent, leaves = draw(tuple(y.shape), seed=7, dtype=torch.float32), list(named.values())
    pairs = zip(gradients(y, leaves, cotangent.to(y.dtype)), gradients(expected, leaves, cotangent))
    for name, (got, wanted) in zip(named, pairs):
        if got.dtype != torch.float32 or not bool(got.isfinite().all()):
            raise AssertionError(f"expected a finite float32 gradient of {name}, got {got.dtype}")
        if bool(wanted.any()) and not bool(got.any()):
            raise AssertionError(f"no gradient reaches {name} under autocast")


def _autocast(module: Operator, x: Tensor) -> Tensor:
    try:
        with torch.autocast("cpu", torch.bfloat16):
            y: Tensor = module(x)
    except RuntimeError as error:
        raise AssertionError(f"does not run under autocast: {error}") from error
    return y
