"""Fourier and cosine transforms, lines side by side in the lanes of vectors; operands must not be empty."""

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from circulant.backends.native import core
from circulant.backends.native.call import Operand, call_planned
from circulant.backends.native.core import InstructionSet
from circulant.core.sizes import Shape
from circulant.problems.transform import TransformKind, TransformProblem


def solve(problem: TransformProblem, x: Tensor) -> Tensor:
    """The transform; half precision is widened here."""
    wide = torch.float64 if problem.dtype == torch.float64 else torch.float32
    plan = plan_of(problem, wide)
    operand = Operand("x", x.to(wide), problem.operand_shapes[0])
    results: tuple[Shape, ...] = (problem.result_shape,)
    return call_planned("transform", plan, [operand], results, wide, problem.rows)[0].to(problem.dtype)


def workspace_byte(problem: TransformProblem, threads: int, kept: int | None = None) -> int:
    """What a call allocates besides its operand and its result, in float32 or float64."""
    return int(plan_of(problem, problem.dtype, kept).workspace_bytes(problem.rows, threads))


def plan_of(problem: TransformProblem, dtype: torch.dtype, kept: int | None = None) -> Any:
    """What calls of those sizes share, for float32 or float64; kept: bins along the last axis, else all."""
    kept = problem.sizes[-1] // 2 + 1 if kept is None else kept
    return _made_plan(problem.kind, problem.sizes, problem.scale, kept, dtype, core.instruction_set())


@lru_cache(maxsize=64)  # the roots of a line take about 12 bytes a sample
def _made_plan(
    kind: TransformKind,
    sizes: Shape,
    scale: float,
    kept: int,
    dtype: torch.dtype,
    instruction_set: InstructionSet,
) -> Any:
    module = core.load()
    made = module.TransformPlanFloat64 if dtype == torch.float64 else module.TransformPlanFloat32
    half = 0.5 if kind.takes_half_spectrum else 1.0  # a bin and its mirror image are added up there
    described = module.TransformSizes(
        family=module.TransformFamily[_family(kind)],
        sizes=list(sizes),
        positive=kind in (TransformKind.FFT_ADJOINT, TransformKind.IFFT),
        scale=scale,
        middle=half * (2.0 if kind.counts_mirror_images else 1.0),
        kept=kept,
    )
    return made(described, module.Isa[instruction_set.name])


def _family(kind: TransformKind) -> str:
    if kind.is_cosine:
        return "COSINE" if kind is TransformKind.COSINE else "COSINE_INVERSE"
    if kind.is_complex:
        return "COMPLEX"
    return "FROM_SPECTRUM" if kind.takes_half_spectrum else "TO_SPECTRUM"
