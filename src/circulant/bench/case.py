"""One shape of one operation: seeded operands, and the result that every contestant must reach."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from circulant.bench.workload import Passes
from circulant.core.sizes import Shape

SEED = 20261121
Function = Callable[..., Tensor]
"""Operands in, one result out."""


@dataclass(frozen=True, slots=True)
class Case:
    """cotangent is what the backward pass begins with; None for the forward pass alone.

    expected holds the result and, with a backward pass, the gradient of every operand, in float64.
    """

    shape: Shape
    passes: Passes
    threads: int
    operands: tuple[Tensor, ...]
    cotangent: Tensor | None
    expected: tuple[Tensor, ...]


def make_case(
    shape: Shape,
    passes: Passes,
    threads: int,
    operands: tuple[Tensor, ...],
    reference: Function,
    dtype: torch.dtype = torch.float32,
) -> Case:
    """operands in float64 or, for tokens, whole numbers; contestants get them rounded to dtype.

    The reference gets what they get, in float64.
    """
    rounded = tuple(operand.to(dtype) if operand.is_floating_point() else operand for operand in operands)
    exact = tuple(operand.double() if operand.is_floating_point() else operand for operand in rounded)
    if passes is not Passes.BOTH:
        with torch.no_grad():
            return Case(shape, passes, threads, rounded, None, (reference(*exact),))
    leaves = tuple(operand.requires_grad_() for operand in exact)
    result = reference(*leaves)
    cotangent = torch.randn(result.shape, generator=generator(), dtype=torch.float64).to(dtype)
    gradients = torch.autograd.grad(result, leaves, cotangent.double(), materialize_grads=True)
    return Case(shape, passes, threads, rounded, cotangent, (result.detach(), *gradients))


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(SEED)
