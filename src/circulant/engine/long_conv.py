"""The door to long depthwise convolution along one axis."""

from enum import Enum

import torch.nn.functional as F
from torch import Tensor

from circulant.core.errors import ShapeError
from circulant.engine.choice import FREE, Choice, current
from circulant.engine.doors import autocast_operand, require_same_kind
from circulant.engine.gated_long_conv import gated_long_conv
from circulant.engine.long_conv_op import CONVOLVE_LONG, problem_of
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.trilinear import Slot


class LongBoundary(Enum):
    """CAUSAL: taps look back. CIRCULAR: indices modulo L. SAME: centred, zeros outside."""

    CAUSAL = "causal"
    CIRCULAR = "circular"
    SAME = "same"


def long_conv(
    x: Tensor,
    kernel: Tensor,
    *,
    skip: Tensor | None = None,
    gate_in: Tensor | None = None,
    gate_out: Tensor | None = None,
    boundary: LongBoundary = LongBoundary.CAUSAL,
    choice: Choice = FREE,
) -> Tensor:
    """y = gate_out (kernel * z + skip z) with z = gate_in x; x (B, C, L), kernel (C, K) -> (B, C, L).

    skip (C); gate_in and gate_out (B, C, L). The kernel may have any length: taps that meet only
    zeros are left out, and with boundary CIRCULAR a kernel longer than L wraps around.
    """
    x, kernel = autocast_operand(x), autocast_operand(kernel)
    skip, gate_in, gate_out = (t if t is None else autocast_operand(t) for t in (skip, gate_in, gate_out))
    names = ("x", "kernel", "skip", "gate_in", "gate_out")
    require_same_kind(names, (x, kernel, skip, gate_in, gate_out))
    require_shapes(x, kernel, skip, gate_in, gate_out)
    taps, shift = fitted(kernel, x.shape[-1], boundary)
    settings = [taps.shape[-1], shift, int(boundary is LongBoundary.CIRCULAR)]
    choice = choice.or_else(current())
    if skip is None and gate_in is None and gate_out is None:
        return CONVOLVE_LONG(Slot.OUTPUT, x, taps, settings, choice)
    return gated_long_conv(x, taps, skip, gate_in, gate_out, settings, choice)


def problem_for(x: Tensor, kernel: Tensor, boundary: LongBoundary) -> LongConvProblem:
    """What there is to plan."""
    require_shapes(x, kernel, None, None, None)
    taps, shift = fitted(kernel, x.shape[-1], boundary)
    settings = (taps.shape[-1], shift, int(boundary is LongBoundary.CIRCULAR))
    return problem_of(Slot.OUTPUT, tuple(x.shape), tuple(taps.shape), settings, x.dtype)


def fitted(kernel: Tensor, length: int, boundary: LongBoundary) -> tuple[Tensor, int]:
    """The taps that meet an input of that length, and the shift of the first."""
    taps = kernel.shape[-1]
    if boundary is LongBoundary.CAUSAL:
        return kernel[:, :length], 0
    if boundary is LongBoundary.SAME:
        centre = (taps - 1) // 2
        start = max(centre - (length - 1), 0)
        return kernel[:, start : length + centre], centre - start
    if taps <= length:
        return kernel, 0
    turns = -(-taps // length)
    return F.pad(kernel, (0, turns * length - taps)).unflatten(-1, (turns, length)).sum(1), 0


def require_shapes(
    x: Tensor, kernel: Tensor, skip: Tensor | None, gate_in: Tensor | None, gate_out: Tensor | None
) -> None:
    if x.ndim != 3 or kernel.ndim != 2 or x.shape[1] != kernel.shape[0]:
        raise ShapeError(
            f"expected x (B, C, L) and kernel (C, K), got x {tuple(x.shape)} and kernel {tuple(kernel.shape)}"
        )
    if x.shape[2] == 0 or kernel.shape[1] == 0:
        raise ShapeError(
            f"expected at least 1 sample and 1 tap, got x {tuple(x.shape)} and kernel {tuple(kernel.shape)}"
        )
    if skip is not None and skip.shape != kernel.shape[:1]:
        raise ShapeError(f"expected skip (C,) with C = {kernel.shape[0]}, got {tuple(skip.shape)}")
    for name, gate in (("gate_in", gate_in), ("gate_out", gate_out)):
        if gate is not None and gate.shape != x.shape:
            raise ShapeError(f"expected {name} of x's shape {tuple(x.shape)}, got {tuple(gate.shape)}")
