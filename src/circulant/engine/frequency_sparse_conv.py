"""The door to long convolution with the low frequencies of a kernel."""

from collections.abc import Sequence

import torch
from torch import Tensor

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.sizes import Shape
from circulant.engine.choice import FREE, Choice, current
from circulant.engine.doors import autocast_operand, require_same_kind
from circulant.engine.trilinear import TrilinearOp
from circulant.problems.frequency_sparse_conv import FrequencySparseConvProblem
from circulant.problems.trilinear import Slot


def problem_of(
    slot: Slot, first: Shape, second: Shape, settings: Sequence[int], dtype: torch.dtype
) -> FrequencySparseConvProblem:
    """settings: kernel, n, keep."""
    return FrequencySparseConvProblem(dtype, slot, *first, *settings)


CONVOLVE_SPARSE = TrilinearOp("frequency_sparse_conv", problem_of)


def frequency_sparse_conv(
    x: Tensor, kernel: Tensor, *, keep: int, n: int | None = None, choice: Choice = FREE
) -> Tensor:
    """x (B, C, L), kernel (C, K) -> (B, C, L): their convolution without the kernel's bins from `keep` on.

    The bins are those of a real transform of n points, 2 L unless given: n // 2 + 1 of them, bin f for
    f cycles in n samples.
    """
    x, kernel = autocast_operand(x), autocast_operand(kernel)
    require_same_kind(("x", "kernel"), (x, kernel))
    if x.ndim != 3 or kernel.ndim != 2 or x.shape[1] != kernel.shape[0]:
        raise ShapeError(
            f"expected x (B, C, L) and kernel (C, K), got x {tuple(x.shape)} and kernel {tuple(kernel.shape)}"
        )
    length, taps = x.shape[-1], kernel.shape[-1]
    if min(length, taps) == 0:
        raise ShapeError(f"expected at least 1 sample and 1 tap, got L = {length} and K = {taps}")
    points = 2 * length if n is None else n
    if points < max(length, taps):
        raise ArgumentError(
            f"expected n of at least L = {length} and K = {taps}, got {points}; "
            f"cut the kernel or give a larger n"
        )
    if not 1 <= keep <= points // 2 + 1:
        raise ArgumentError(f"expected keep from 1 to n // 2 + 1 = {points // 2 + 1}, got {keep}")
    return CONVOLVE_SPARSE(Slot.OUTPUT, x, kernel, [taps, points, keep], choice.or_else(current()))
