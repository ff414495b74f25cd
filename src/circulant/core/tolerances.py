"""The one table of tolerances: largest error allowed, relative to the largest reference value."""

import torch
from torch import Tensor

RELATIVE = {
    torch.float64: 1e-10,
    torch.float32: 1e-4,
    torch.float16: 1e-2,
    torch.bfloat16: 5e-2,
}


def relative_error(got: Tensor, expected: Tensor) -> float:
    """max|got - expected| / max|expected| in float64; the plain maximum where expected is all zero."""
    if expected.numel() == 0:
        return 0.0
    wanted = expected.detach().to(torch.float64)
    error = (got.detach().to(torch.float64) - wanted).abs().max().item()
    scale = wanted.abs().max().item()
    return error / scale if scale > 0 else error


def assert_close(got: Tensor, expected: Tensor, tolerance: float | None = None, what: str = "result") -> None:
    """Shapes agree and the relative error is within the table's tolerance for got.dtype."""
    if got.shape != expected.shape:
        raise AssertionError(f"{what}: shape {tuple(got.shape)}, expected {tuple(expected.shape)}")
    allowed = RELATIVE[got.dtype] if tolerance is None else tolerance
    error = relative_error(got, expected)
    if not error <= allowed:  # also catches NaN
        raise AssertionError(f"{what}: relative error {error:.3g} exceeds {allowed:.3g}")
