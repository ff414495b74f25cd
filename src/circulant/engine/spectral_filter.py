"""The door to gains in the frequency domain: circular convolution with a kernel given by its spectrum."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from circulant.algorithms.algorithm import AlgorithmName
from circulant.core.errors import ShapeError
from circulant.core.sizes import Shape
from circulant.engine.choice import FREE, Choice, current
from circulant.engine.trilinear import TrilinearOp
from circulant.problems.spectral_filter import SpectralFilterProblem
from circulant.problems.transform import TransformKind
from circulant.problems.trilinear import Slot


def problem_of(
    slot: Slot, first: Shape, second: Shape, settings: Sequence[int], dtype: torch.dtype
) -> SpectralFilterProblem:
    """settings: whether gains are shared, 0 or 1."""
    batch, channels, *sizes = first
    return SpectralFilterProblem(dtype, slot, batch, channels, tuple(sizes), bool(settings[0]))


FILTER = TrilinearOp("spectral_filter", problem_of)


def spectral_filter(x: Tensor, gains: Tensor, *, choice: Choice = FREE) -> Tensor:
    """x (B, C, *sizes) real, gains (C or 1, *bins, 2) pairs -> x's shape: irfftn(gains * rfftn(x)).

    bins are sizes but for the last axis, n // 2 + 1. Under autocast float32 is kept, as by transforms; gains
    are converted to the dtype of x.
    """
    # by != alone: compiled code finds no symbol in a tuple
    has_rows = x.ndim > 2 and gains.ndim == x.ndim
    if not has_rows or (gains.shape[0] != 1 and gains.shape[0] != x.shape[1]) or _differ(x, gains):
        raise ShapeError(
            "expected x (B, C, *sizes) and gains (C or 1, *sizes[:-1], sizes[-1] // 2 + 1, 2), "
            f"got x {tuple(x.shape)} and gains {tuple(gains.shape)}"
        )
    chosen = choice.or_else(current())
    if chosen.algorithm is not AlgorithmName.FFT:  # the only one there is, whatever convolutions are done by
        chosen = replace(chosen, algorithm=None)
    shared = int(gains.shape[0] != x.shape[1])
    return FILTER(Slot.OUTPUT, x, gains.to(x.dtype), [shared], chosen)


def _differ(x: Tensor, gains: Tensor) -> bool:
    wanted = (*TransformKind.RFFT.bins(tuple(x.shape[2:])), 2)
    return any(have != want for have, want in zip(gains.shape[1:], wanted, strict=True))


def real_gains(gains: Tensor) -> Tensor:
    """gains (C or 1, *bins), which turn no phase -> pairs."""
    return torch.stack([gains, torch.zeros_like(gains)], -1)
