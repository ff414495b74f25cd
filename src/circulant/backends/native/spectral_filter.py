"""Spectral filters: rows there and back while they are in cache; operands must not be empty."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from circulant.backends.native import core
from circulant.backends.native.call import Operand, call_planned
from circulant.backends.native.transform import plan_of
from circulant.core.sizes import Shape
from circulant.problems.spectral_filter import SpectralFilterProblem
from circulant.problems.transform import TransformKind
from circulant.problems.trilinear import OPERANDS, Slot

THERE_AND_BACK = (TransformKind.RFFT, TransformKind.IRFFT)
NAMES = {Slot.OUTPUT: "the output's gradient", Slot.INPUT: "x", Slot.KERNEL: "gains"}


def solve(problem: SpectralFilterProblem, first: Tensor, second: Tensor) -> Tensor:
    """The problem's slot from its two operands; half precision is widened here."""
    p, wide = problem, torch.promote_types(problem.dtype, torch.float32)
    operands = [
        Operand(NAMES[slot], tensor.to(wide), p.slot_shapes[slot])
        for slot, tensor in zip(OPERANDS[p.slot], (first, second))
    ]
    is_gradient = p.slot is Slot.KERNEL
    result: Shape = (p.channels, *p.gain_shape[1:]) if is_gradient else p.result_shape
    kernel = "spectral_filter_gain_gradient" if is_gradient else "spectral_filter"
    forth, back = (plan_of(replace(p.transform, kind=kind), wide) for kind in THERE_AND_BACK)
    solved = call_planned(kernel, forth, operands, (result,), wide, back, _sizes(p))[0]
    return (solved.sum(0, keepdim=True) if is_gradient and p.shared else solved).to(p.dtype)


def workspace_byte(problem: SpectralFilterProblem, threads: int) -> int:
    """What a call allocates besides its operands and its result, in float32 or float64."""
    forth = plan_of(problem.transform, problem.dtype)
    is_gradient = problem.slot is Slot.KERNEL
    return int(core.load().spectral_filter_workspace(forth, _sizes(problem), is_gradient, threads))


def _sizes(problem: SpectralFilterProblem) -> Any:
    return core.load().SpectralFilterSizes(
        batch=problem.batch,
        channels=problem.channels,
        shared=problem.shared,
        conjugated=problem.slot is Slot.INPUT,
    )
