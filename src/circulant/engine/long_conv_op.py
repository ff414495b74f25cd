"""The torch operator of long convolution, and how its settings are read."""

from collections.abc import Sequence

import torch

from circulant.core.sizes import Shape
from circulant.engine.trilinear import TrilinearOp
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.trilinear import Slot


def problem_of(
    slot: Slot, first: Shape, second: Shape, settings: Sequence[int], dtype: torch.dtype
) -> LongConvProblem:
    """settings: kernel, shift, circular."""
    kernel, shift, circular = settings
    batch, channels, length = first
    return LongConvProblem(dtype, slot, batch, channels, length, kernel, shift, bool(circular))


CONVOLVE_LONG = TrilinearOp("long_conv", problem_of)
